"""What stands before each network, done by the original libraries: Pillow, librosa.

The constants come from each model's `model.toml`, so that the file the daemon reads is the one
that was measured.
"""

import librosa
import numpy as np
from PIL import Image

import yamnet_reference


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


def slaney_log_mel(samples: np.ndarray, settings: dict) -> np.ndarray:
    """Returns `[mels, frames]`, fp32, as librosa computes it: what the daemon gives for a
    `mel_scale` of "slaney" and a `compression` of "log10(10000x+1)"."""
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


def log_mel(samples: np.ndarray, settings: dict) -> np.ndarray:
    """Returns `[mels, frames]`, fp32, as YAMNet computes it, whose constants those of `settings`
    must be."""
    constants = {
        "sample_rate_hz": yamnet_reference.SAMPLE_RATE,
        "n_fft": yamnet_reference.FFT,
        "win_length": yamnet_reference.WINDOW,
        "hop": yamnet_reference.HOP,
        "f_min_hz": yamnet_reference.MEL_MIN_HZ,
        "f_max_hz": yamnet_reference.MEL_MAX_HZ,
    }
    differing = {name: settings[name] for name, value in constants.items() if settings[name] != value}
    if differing:
        raise ValueError(f"model.toml has {differing}, the original {constants}")
    return yamnet_reference.log_mel(samples).T.astype(np.float32)


def patches(mel: np.ndarray, settings: dict) -> list[tuple[int, np.ndarray]]:
    """Cuts `[mels, frames]` into patches: the first frame of each, and its `[1, mels, patch]`. One
    that would pass the end begins as much earlier; a sound shorter than a patch is repeated."""
    length, frames = settings["patch_frames"], mel.shape[1]
    starts = [min(at, max(0, frames - length)) for at in range(0, frames, settings["patch_hop_frames"])]
    cut = [np.take(mel, np.arange(start, start + length) % frames, axis=1)[None] for start in starts]
    return list(zip(starts, cut))


def loudness(samples: np.ndarray, start: int, settings: dict) -> float:
    """The root mean square of the samples under the patch that begins at a frame."""
    first = start * settings["hop"]
    under = samples[first : first + settings["patch_frames"] * settings["hop"]].astype(np.float64)
    return float(np.sqrt(np.mean(under**2))) if len(under) else 0.0


def pool_weights(loudnesses: np.ndarray, features: np.ndarray) -> np.ndarray:
    """How much each patch counts, as the daemon's audio/pool.rs has it; adds up to 1."""
    energy = loudnesses**2
    heard = energy >= 10.0 ** (-70 / 10)
    if not heard.any():
        return np.full(len(energy), 1.0 / len(energy))
    heard &= energy >= energy[heard].mean() / 100.0
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = (features / np.maximum(lengths, 1e-12))[heard]
    alike = np.maximum(unit @ unit.T, 0.0)
    np.fill_diagonal(alike, 1.0)
    weights = np.zeros(len(energy))
    weights[heard] = loudnesses[heard] ** 0.6 / np.sqrt(alike.sum(axis=1))
    return weights / weights.sum()
