"""What stands before each network, done by the original libraries: Pillow, librosa.

The constants come from each model's `model.toml`, so that the file the daemon reads is the one
that was measured.
"""

import librosa
import numpy as np
from PIL import Image


def resized(picture: Image.Image, settings: dict) -> np.ndarray:
    """Resizes and crops a picture to `[crop, crop, 3]`, uint8. The longer side is truncated to a
    whole number, as torchvision does; the crop's offset is rounded half to even."""
    picture = picture.convert("RGB")
    short, crop = settings["resize_shorter_side"], settings["crop"]
    width, height = picture.size
    scale = min(width, height)
    size = (int(short * width / scale), int(short * height / scale))
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    left, top = round((size[0] - crop) / 2), round((size[1] - crop) / 2)
    return np.asarray(picture.crop((left, top, left + crop, top + crop)))


def image_tensor(pixels: np.ndarray, settings: dict) -> np.ndarray:
    """Turns `[crop, crop, 3]` uint8 into the network's `[1, 3, crop, crop]`, fp32."""
    mean, std = (np.array(settings[key], np.float32) for key in ("mean", "std"))
    scaled = (pixels.astype(np.float32) * np.float32(settings["scale"]) - mean) / std
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def load_audio(path, settings: dict) -> np.ndarray:
    """Decodes a file to mono at the model's rate, fp32; librosa's default resampler, soxr's HQ."""
    return librosa.load(path, sr=settings["sample_rate_hz"], mono=True)[0]


def log_mel(samples: np.ndarray, settings: dict) -> np.ndarray:
    """Returns `[mels, frames]`, fp32, as the package's extractor.py computes it, without its
    rounding to fp16."""
    mel = librosa.feature.melspectrogram(
        y=samples,
        sr=settings["sample_rate_hz"],
        n_fft=settings["n_fft"],
        hop_length=settings["hop"],
        n_mels=settings["mels"],
        fmin=settings["f_min_hz"],
        fmax=settings["f_max_hz"],
        power=settings["power"],
        center=settings["center"],
        pad_mode=settings["pad"],
    )
    return np.log10(10000.0 * mel + 1.0).astype(np.float32)


def patches(mel: np.ndarray, settings: dict) -> list[np.ndarray]:
    """Cuts `[mels, frames]` into patches `[1, mels, patch]`. The last one, where it is incomplete,
    is filled by repeating the sound from its beginning (config.json of the package:
    `"pad_short": "repeat-pad"`)."""
    length = settings["patch_frames"]
    count = -(-mel.shape[1] // length)
    repeated = np.take(mel, np.arange(count * length) % mel.shape[1], axis=1)
    return [repeated[None, :, i * length : (i + 1) * length] for i in range(count)]
