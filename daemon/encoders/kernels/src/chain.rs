//! Convolutions one after another, without leaving their layout or asking for memory between them.

use crate::{Clamp, Convolution, Depthwise, MapShape};

/// A map that comes into a chain or out of one of its layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value(usize);

/// Layers over one map; see [`ChainBuilder`].
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    shapes: Vec<MapShape>,
    steps: Vec<Step>,
    outputs: Vec<Value>,
    /// Which buffer holds each value; values that are never needed at the same time share one.
    buffers: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq)]
struct Step {
    layer: Layer,
    from: Value,
    add: Option<Value>,
    clamp: Clamp,
}

#[derive(Debug, Clone, PartialEq)]
enum Layer {
    Convolution(Convolution),
    Depthwise(Depthwise),
}

/// Memory that runs of a chain work in. It grows to what they need and can be used again.
#[derive(Debug, Default)]
pub struct Room {
    buffers: Vec<Vec<f32>>,
    patches: Vec<f32>,
}

/// Puts a [`Chain`] together, layer by layer.
#[derive(Debug)]
pub struct ChainBuilder {
    shapes: Vec<MapShape>,
    steps: Vec<Step>,
}

impl ChainBuilder {
    /// Begins a chain over maps of this shape; gives the value that stands for them.
    #[must_use]
    pub fn new(input: MapShape) -> (ChainBuilder, Value) {
        (ChainBuilder { shapes: vec![input], steps: Vec::new() }, Value(0))
    }

    /// Adds a convolution over `from`, to which `add` is added before clamping; gives its result, or
    /// `None` if the shapes do not fit.
    pub fn convolution(
        &mut self,
        convolution: Convolution,
        from: Value,
        add: Option<Value>,
        clamp: Clamp,
    ) -> Option<Value> {
        let output = convolution.output(self.shapes[from.0])?;
        if add.is_some_and(|add| self.shapes[add.0] != output) {
            return None;
        }
        Some(self.push(Step { layer: Layer::Convolution(convolution), from, add, clamp }, output))
    }

    /// Adds a depthwise convolution over `from`; gives its result, or `None` if the shapes do not fit.
    pub fn depthwise(&mut self, depthwise: Depthwise, from: Value, clamp: Clamp) -> Option<Value> {
        let output = depthwise.output(self.shapes[from.0])?;
        Some(self.push(Step { layer: Layer::Depthwise(depthwise), from, add: None, clamp }, output))
    }

    fn push(&mut self, step: Step, output: MapShape) -> Value {
        self.shapes.push(output);
        self.steps.push(step);
        Value(self.shapes.len() - 1)
    }

    /// The shape of a value.
    #[must_use]
    pub fn shape(&self, value: Value) -> MapShape {
        self.shapes[value.0]
    }

    /// The chain that gives these values.
    #[must_use]
    pub fn finish(self, outputs: Vec<Value>) -> Chain {
        let ChainBuilder { shapes, steps } = self;
        // Step `at` makes value `at + 1`; outputs are needed to the end.
        let mut needed_until: Vec<usize> = (0..shapes.len()).collect();
        for (at, step) in steps.iter().enumerate() {
            for used in [Some(step.from), step.add].into_iter().flatten() {
                needed_until[used.0] = at + 1;
            }
        }
        for output in &outputs {
            needed_until[output.0] = usize::MAX;
        }
        let mut buffers: Vec<usize> = Vec::new();
        let mut held_until: Vec<usize> = Vec::new();
        for (value, until) in needed_until.into_iter().enumerate() {
            let free = held_until.iter().position(|held| *held < value).unwrap_or(held_until.len());
            if free == held_until.len() {
                held_until.push(until);
            } else {
                held_until[free] = until;
            }
            buffers.push(free);
        }
        Chain { shapes, steps, outputs, buffers }
    }
}

impl Chain {
    /// The shape of the map that goes in.
    #[must_use]
    pub fn input(&self) -> MapShape {
        self.shapes[0]
    }

    /// The shapes of the maps that come out.
    pub fn outputs(&self) -> impl Iterator<Item = MapShape> {
        self.outputs.iter().map(|value| self.shapes[value.0])
    }

    /// Runs all layers over `x`, a map held channels *first* as networks are exchanged, and gives
    /// each output in that layout to `take`, in order.
    ///
    /// # Panics
    ///
    /// If `x` is not of the input's shape.
    pub fn run(&self, x: &[f32], room: &mut Room, mut take: impl FnMut(usize, ChannelsFirst<'_>)) {
        assert_eq!(x.len(), self.input().len(), "the map is of the input's shape");
        let count = self.buffers.iter().max().map_or(0, |most| most + 1);
        room.buffers.resize_with(count.max(room.buffers.len()), Vec::new);
        let first = room.take(self.buffers[0], self.input().len());
        room.put(self.buffers[0], to_channels_last(x, self.input(), first));
        for (at, step) in self.steps.iter().enumerate() {
            let to = at + 1;
            let mut y = room.take(self.buffers[to], self.shapes[to].len());
            let Room { buffers, patches } = &mut *room;
            let held = |value: Value| &buffers[self.buffers[value.0]][..self.shapes[value.0].len()];
            let (x, input, y_part) =
                (held(step.from), self.shapes[step.from.0], &mut y[..self.shapes[to].len()]);
            match &step.layer {
                Layer::Convolution(convolution) => {
                    convolution.run(x, input, step.add.map(held), step.clamp, patches, y_part);
                }
                Layer::Depthwise(depthwise) => depthwise.run(x, input, step.clamp, y_part),
            }
            room.put(self.buffers[to], y);
        }
        for (at, value) in self.outputs.iter().enumerate() {
            let shape = self.shapes[value.0];
            take(at, ChannelsFirst { shape, values: &room.buffers[self.buffers[value.0]][..shape.len()] });
        }
    }
}

impl Room {
    /// Takes a buffer of at least this length out, so that others can be read beside it.
    fn take(&mut self, buffer: usize, len: usize) -> Vec<f32> {
        let mut taken = std::mem::take(&mut self.buffers[buffer]);
        if taken.len() < len {
            taken.resize(len, 0.0);
        }
        taken
    }

    fn put(&mut self, buffer: usize, taken: Vec<f32>) {
        self.buffers[buffer] = taken;
    }
}

/// A result, to be written channels first.
#[derive(Debug)]
pub struct ChannelsFirst<'a> {
    shape: MapShape,
    values: &'a [f32],
}

impl ChannelsFirst<'_> {
    /// Writes the map as `[channels, height, width]`.
    ///
    /// # Panics
    ///
    /// If `to` is of another length.
    pub fn write(&self, to: &mut [f32]) {
        assert_eq!(to.len(), self.values.len(), "the map is of its shape");
        let channels = self.shape.channels.max(1);
        let plane = self.shape.height * self.shape.width;
        for (channel, to) in to.chunks_exact_mut(plane.max(1)).enumerate() {
            for (to, from) in to.iter_mut().zip(self.values[channel..].iter().step_by(channels)) {
                *to = *from;
            }
        }
    }
}

/// Writes a map that is held `[channels, height, width]` channels last into the buffer's beginning.
fn to_channels_last(x: &[f32], shape: MapShape, mut buffer: Vec<f32>) -> Vec<f32> {
    let plane = shape.height * shape.width;
    for (channel, from) in x.chunks_exact(plane.max(1)).enumerate() {
        for (to, from) in buffer[channel..shape.len()].iter_mut().step_by(shape.channels).zip(from) {
            *to = *from;
        }
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dense, Window};

    fn shape(height: usize, width: usize, channels: usize) -> MapShape {
        MapShape { height, width, channels }
    }

    /// A 1x1 convolution that multiplies its one channel.
    fn times(factor: f32) -> Convolution {
        let window = Window { kernel: [1, 1], stride: [1, 1], pad_before: [0, 0], pad_after: [0, 0] };
        Convolution::new(window, 1, Dense::new(1, 1, |_, _| factor, |_| 0.0))
    }

    fn run(chain: &Chain, x: &[f32], room: &mut Room) -> Vec<Vec<f32>> {
        let mut results = Vec::new();
        chain.run(x, room, |_, map| {
            let mut values = vec![0.0; map.values.len()];
            map.write(&mut values);
            results.push(values);
        });
        results
    }

    #[test]
    fn a_value_is_kept_until_its_last_use() {
        let (mut builder, x) = ChainBuilder::new(shape(1, 2, 1));
        let twice = builder.convolution(times(2.0), x, None, Clamp::NONE).expect("fits");
        let six = builder.convolution(times(3.0), twice, None, Clamp::NONE).expect("fits");
        let thirty = builder.convolution(times(5.0), six, None, Clamp::NONE).expect("fits");
        let sum = builder.convolution(times(7.0), thirty, Some(twice), Clamp::NONE).expect("fits");
        let chain = builder.finish(vec![sum, six]);
        // A room that another chain has worked in is as good as a new one.
        let mut room = Room { buffers: vec![vec![9.0; 7]; 9], patches: vec![9.0; 3] };
        assert_eq!(run(&chain, &[1.0, 10.0], &mut room), [[212.0, 2120.0], [6.0, 60.0]]);
        assert_eq!(run(&chain, &[2.0, 0.0], &mut room), [[424.0, 0.0], [12.0, 0.0]]);
        assert!(chain.buffers.iter().max() < Some(&4), "values share buffers: {:?}", chain.buffers);
    }

    #[test]
    fn maps_go_in_and_out_channels_first() {
        let (mut builder, x) = ChainBuilder::new(shape(2, 2, 2));
        let window = Window { kernel: [1, 1], stride: [1, 1], pad_before: [0, 0], pad_after: [0, 0] };
        let swap = Dense::new(2, 2, |input, output| f32::from(u8::from(input != output)), |_| 0.0);
        let swapped =
            builder.convolution(Convolution::new(window, 2, swap), x, None, Clamp::NONE).expect("fits");
        let chain = builder.finish(vec![swapped]);
        let swapped = run(&chain, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], &mut Room::default());
        assert_eq!(swapped, [[5.0, 6.0, 7.0, 8.0, 1.0, 2.0, 3.0, 4.0]]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (mut builder, x) = ChainBuilder::new(shape(2, 2, 3));
        assert_eq!(builder.convolution(times(1.0), x, None, Clamp::NONE), None);
        let window = Window { kernel: [3, 3], stride: [1, 1], pad_before: [0, 0], pad_after: [0, 0] };
        let depthwise = Depthwise::new(window, vec![0.0; 27], vec![0.0; 3]);
        assert_eq!(builder.depthwise(depthwise, x, Clamp::NONE), None);
    }
}
