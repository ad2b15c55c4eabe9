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

    /// Runs all layers over `x`, one map or several held channels *first* as networks are exchanged,
    /// `[batch, channels, height, width]`, and gives each output in that layout to `take`, in order.
    /// What a map gives does not depend on those beside it.
    ///
    /// Small maps of many channels take little longer together than one of them alone, as the weights
    /// are read once. All of them are in memory at once.
    ///
    /// # Panics
    ///
    /// If `x` is not maps of the input's shape.
    pub fn run(&self, x: &[f32], room: &mut Room, mut take: impl FnMut(usize, ChannelsFirst<'_>)) {
        let batch = x.len() / self.input().len().max(1);
        assert_eq!(x.len(), batch * self.input().len(), "the maps are of the input's shape");
        let len = |value: usize| batch * self.shapes[value].len();
        let count = self.buffers.iter().max().map_or(0, |most| most + 1);
        room.buffers.resize_with(count.max(room.buffers.len()), Vec::new);
        let mut first = room.take(self.buffers[0], len(0));
        to_channels_last(x, self.input(), &mut first);
        room.put(self.buffers[0], first);
        for (at, step) in self.steps.iter().enumerate() {
            let to = at + 1;
            let mut y = room.take(self.buffers[to], len(to));
            let Room { buffers, patches } = &mut *room;
            let held = |value: Value| &buffers[self.buffers[value.0]][..len(value.0)];
            let (x, input, y_part) = (held(step.from), self.shapes[step.from.0], &mut y[..len(to)]);
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
            take(at, ChannelsFirst { shape, values: &room.buffers[self.buffers[value.0]][..len(value.0)] });
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

/// A result for each map, to be written channels first.
#[derive(Debug)]
pub struct ChannelsFirst<'a> {
    shape: MapShape,
    values: &'a [f32],
}

impl ChannelsFirst<'_> {
    /// Writes the maps as `[batch, channels, height, width]`.
    ///
    /// # Panics
    ///
    /// If `to` is of another length.
    pub fn write(&self, to: &mut [f32]) {
        assert_eq!(to.len(), self.values.len(), "the maps are of their shape");
        let channels = self.shape.channels.max(1);
        let plane = self.shape.height * self.shape.width;
        let len = self.shape.len().max(1);
        for (to, from) in to.chunks_exact_mut(len).zip(self.values.chunks_exact(len)) {
            for (channel, to) in to.chunks_exact_mut(plane.max(1)).enumerate() {
                for (to, from) in to.iter_mut().zip(from[channel..].iter().step_by(channels)) {
                    *to = *from;
                }
            }
        }
    }
}

/// Writes maps that are held `[channels, height, width]` channels last into the buffer's beginning.
fn to_channels_last(x: &[f32], shape: MapShape, buffer: &mut [f32]) {
    let plane = shape.height * shape.width;
    let len = shape.len().max(1);
    for (to, from) in buffer.chunks_exact_mut(len).zip(x.chunks_exact(len)) {
        for (channel, from) in from.chunks_exact(plane.max(1)).enumerate() {
            for (to, from) in to[channel..].iter_mut().step_by(shape.channels).zip(from) {
                *to = *from;
            }
        }
    }
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
    fn maps_together_give_what_each_gives_alone_to_the_bit() {
        let (mut builder, x) = ChainBuilder::new(shape(5, 7, 3));
        let window = |side: usize, stride: usize| Window {
            kernel: [side, side],
            stride: [stride, stride],
            pad_before: [side / 2, side / 2],
            pad_after: [side / 2, side / 2],
        };
        let weight = |at: usize| (at * 7919 % 101) as f32 / 50.0 - 1.0;
        let dense = |inputs, outputs| Dense::new(inputs, outputs, |i, o| weight(i * outputs + o), weight);
        let wide = Convolution::new(window(3, 1), 3, dense(27, 20));
        let wide = builder.convolution(wide, x, None, Clamp::NONE).expect("fits");
        let taps =
            Depthwise::new(window(3, 1), (0..180).map(weight).collect(), (0..20).map(weight).collect());
        let by_channel = builder.depthwise(taps, wide, Clamp { low: 0.0, high: 6.0 }).expect("fits");
        let sum = Convolution::new(window(1, 1), 20, dense(20, 20));
        let sum = builder.convolution(sum, by_channel, Some(wide), Clamp::NONE).expect("fits");
        let narrow = Convolution::new(window(3, 2), 20, dense(180, 5));
        let narrow = builder.convolution(narrow, sum, None, Clamp::NONE).expect("fits");
        let chain = builder.finish(vec![narrow, sum]);
        let maps: Vec<f32> = (0..5 * 105).map(|at| weight(at * 31 + 7)).collect();
        let mut room = Room::default();
        let together = run(&chain, &maps, &mut room);
        let alone: Vec<Vec<Vec<f32>>> =
            maps.chunks(105).map(|map| run(&chain, map, &mut Room::default())).collect();
        for (output, together) in together.iter().enumerate() {
            let alone: Vec<f32> = alone.iter().flat_map(|outputs| outputs[output].clone()).collect();
            assert_eq!(*together, alone, "output {output}");
        }
        // After many maps, the room is as good for one.
        assert_eq!(run(&chain, &maps[105..210], &mut room), alone[1]);
        assert!(run(&chain, &[], &mut room).iter().all(Vec::is_empty));
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
