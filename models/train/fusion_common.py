"""Makes `learnt/fusion-common.f32`: what the project's own captions have in common.

    fusion_common.py

The mean of the vectors of all captions in `label_scenes.txt`, by the shipped text model, scaled to
unit length. Two halves of the captions give directions whose cosine is 0.995.
"""

import numpy as np

import convert
import fusion_kinds
import label_scenes
import measure


def main() -> None:
    names = (convert.MODELS / "efficientnet-lite0" / "labels.txt").read_text().splitlines()
    captions = sorted({caption for of_label in label_scenes.read(names) for caption in of_label})
    mean = np.asarray(measure.Text().embed(captions), np.float64).mean(axis=0)
    fusion_kinds.COMMON.write_bytes((mean / np.linalg.norm(mean)).astype("<f4").tobytes())
    print(f"{len(captions)} captions, length of their mean {np.linalg.norm(mean):.3f}")


if __name__ == "__main__":
    main()
