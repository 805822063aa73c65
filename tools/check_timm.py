#!/usr/bin/env python3
"""Loads what `ldae export --format timm` wrote with timm itself, strictly, and compares features.

    python3 tools/check_timm.py FOLDER [--device cpu]

FOLDER holds model.safetensors, config.json and sample.safetensors (a few images and the features ldae gives them). Prints one line;
exit code 0 when timm took every tensor under strict=True and the features agree to 1e-4 of the largest, 1 when not.
Needs torch, timm and safetensors.
"""
import argparse
import json
import pathlib
import sys

import timm
import torch
from safetensors.torch import load_file


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    config = json.loads((options.folder / "config.json").read_text())
    model = timm.create_model(config["architecture"], pretrained=False, **config["model_args"])
    model.load_state_dict(load_file(options.folder / "model.safetensors"), strict=True)
    model = model.to(options.device).eval()
    sample = load_file(options.folder / "sample.safetensors")
    mean, std = (torch.tensor(config["pretrained_cfg"][name]) for name in ("mean", "std"))
    images = ((sample["images"].float() / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()
    with torch.inference_mode():
        features = model(images.to(options.device)).float().cpu()
    error = ((features - sample["features"]).abs().max() / sample["features"].abs().max()).item()
    print(f"timm {timm.__version__}, torch {torch.__version__}: strict load, features of {len(images)} images differ by {error:.1e} of the largest")
    return 0 if features.shape == sample["features"].shape and error <= 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
