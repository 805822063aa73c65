#!/usr/bin/env python3
"""Writes the golden files of the tests: what PyTorch computes, in float64, for small seeded inputs.

    python3 torch_goldens.py            writes data/*.safetensors beside this script
    python3 torch_goldens.py --check    compares the files there with what this PyTorch computes

Names in a file: "in.NAME" an input, "out.NAME" a result, "dout.NAME" the gradient that arrives at a result,
"din.NAME" the gradient of an input; a parameter has its own name, and its gradient is "grad.PARAMETER".
Sizes and constants that are not tensors are one-element tensors "const.NAME".

Inputs and parameters are rounded to float32 before anything is computed, so that a float32 backend starts from the very
same numbers; everything after is float64. Only PyTorch is needed, version 1.12 or later.
"""
import argparse
import json
import math
import pathlib
import struct
import sys

import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

FOLDER = pathlib.Path(__file__).resolve().parent / "data"
EPS = 1e-6
TYPES = {torch.float64: "F64", torch.float32: "F32", torch.int32: "I32"}
BYTES = {"F64": ("d", 8, torch.float64), "F32": ("f", 4, torch.float32), "I32": ("i", 4, torch.int32)}


# ------------------------------------------------------------------------------------------------ safetensors

def write_safetensors(path, tensors):
    """Eight bytes of header length, a JSON header padded to a multiple of eight, then the elements, little-endian."""
    header, body = {"__metadata__": {"generator": "torch_goldens.py", "torch": torch.__version__}}, b""
    for name, tensor in sorted(tensors.items()):
        kind = TYPES[tensor.dtype]
        values = tensor.detach().reshape(-1).tolist()
        raw = struct.pack(f"<{len(values)}{BYTES[kind][0]}", *values)
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def read_safetensors(path):
    """The tensors of a file written above."""
    raw = path.read_bytes()
    length, = struct.unpack_from("<Q", raw)
    header = json.loads(raw[8:8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        letter, size, dtype = BYTES[entry["dtype"]]
        first, last = entry["data_offsets"]
        values = struct.unpack_from(f"<{(last - first) // size}{letter}", raw, 8 + length + first)
        tensors[name] = torch.tensor(values, dtype=dtype).reshape(entry["shape"])
    return tensors


# ------------------------------------------------------------------------------------------------ the network

class Attention(nn.Module):
    """Multi-head self-attention; the columns of qkv are queries, keys, values, each split into heads in order."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        query, key, value = (
            part.reshape(batch, tokens, self.heads, width // self.heads).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        weights = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(width // self.heads), dim=-1)
        return self.proj((weights @ value).transpose(1, 2).reshape(batch, tokens, width))


class Mlp(nn.Module):
    """Linear, tanh GELU, linear."""

    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


def modulate(x, shift, scale):
    """One row of shift and scale an image."""
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


class Block(nn.Module):
    """A pre-norm block: adaLN-Zero when time_width > 0, else with affine layer normalisation."""

    def __init__(self, width, heads, time_width, ratio=4):
        super().__init__()
        timed = time_width > 0
        self.adaln = nn.Linear(time_width, 6 * width) if timed else None
        self.norm1 = nn.LayerNorm(width, eps=EPS, elementwise_affine=not timed)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=EPS, elementwise_affine=not timed)
        self.mlp = Mlp(width, ratio * width)

    def forward(self, x, condition=None):
        if self.adaln is None:
            x = x + self.attn(self.norm1(x))
            return x + self.mlp(self.norm2(x))
        shift1, scale1, gate1, shift2, scale2, gate2 = self.adaln(condition).chunk(6, dim=-1)
        x = x + gate1.unsqueeze(1) * self.attn(modulate(self.norm1(x), shift1, scale1))
        return x + gate2.unsqueeze(1) * self.mlp(modulate(self.norm2(x), shift2, scale2))


class Final(nn.Module):
    """Normalisation, modulated by the time or affine, and the linear layer to patches."""

    def __init__(self, width, outputs, time_width):
        super().__init__()
        timed = time_width > 0
        self.adaln = nn.Linear(time_width, 2 * width) if timed else None
        self.norm = nn.LayerNorm(width, eps=EPS, elementwise_affine=not timed)
        self.linear = nn.Linear(width, outputs)

    def forward(self, x, condition=None):
        y = self.norm(x)
        if self.adaln is not None:
            shift, scale = self.adaln(condition).chunk(2, dim=-1)
            y = modulate(y, shift, scale)
        return self.linear(y)


class Denoiser(nn.Module):
    """The whole network. patches [B, T, inputs] and time steps [B] to patches [B, T, outputs]."""

    def __init__(self, width, depth, heads, grid, inputs, outputs, time_width):
        super().__init__()
        self.patch_embed = nn.Linear(inputs, width)
        self.time = nn.Sequential(
            nn.Linear(256, time_width), nn.SiLU(), nn.Linear(time_width, time_width), nn.SiLU()) if time_width > 0 else None
        self.blocks = nn.ModuleList([Block(width, heads, time_width) for _ in range(depth)])
        self.final = Final(width, outputs, time_width)
        self.positions = positions(grid, width)

    def encode(self, patches, t, blocks):
        condition = None if self.time is None else self.time(sinusoids(t, 256))
        x = self.patch_embed(patches) + self.positions
        for block in self.blocks[:blocks]:
            x = block(x, condition)
        return x, condition

    def forward(self, patches, t):
        return self.final(*self.encode(patches, t, len(self.blocks)))


def sinusoids(t, width):
    """Cosines, then sines, of t at frequencies from 1 down to almost 1 / 10000."""
    frequencies = torch.exp(-math.log(10000) * torch.arange(width // 2, dtype=t.dtype) / (width // 2))
    angles = t[:, None] * frequencies[None]
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)


def positions(grid, width):
    """First half of the columns: the token's column, second half: its row; each half sines, then cosines."""
    def encode(coordinate):
        omega = 1 / 10000 ** (torch.arange(width // 4, dtype=torch.float64) / (width / 4))
        angles = coordinate[:, None] * omega[None]
        return torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)

    token = torch.arange(grid * grid)
    column, row = (token % grid).double(), torch.div(token, grid, rounding_mode="floor").double()
    return torch.cat([encode(column), encode(row)], dim=1)


# ------------------------------------------------------------------------------------------------ a ViT from elsewhere

class ExactMlp(Mlp):
    """Linear, exact GELU, linear."""

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class VitBlock(Block):
    """A pre-norm block with affine layer normalisation, of either GELU."""

    def __init__(self, width, heads, ratio, exact):
        super().__init__(width, heads, 0, ratio)
        if exact:
            self.mlp = ExactMlp(width, ratio * width)


class Embedding(nn.Module):
    """Patches to tokens by a convolution whose kernel is a patch."""

    def __init__(self, width, patch):
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class Vit(nn.Module):
    """A ViT whose parameters have timm's names: class token or none, last normalisation "norm" or "fc_norm"."""

    def __init__(self, side, patch, width, depth, heads, ratio, exact, token, norm):
        super().__init__()
        self.patch_embed = Embedding(width, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width)) if token else None
        self.pos_embed = nn.Parameter(torch.zeros(1, (side // patch) ** 2 + (1 if token else 0), width))
        self.blocks = nn.ModuleList([VitBlock(width, heads, ratio, exact) for _ in range(depth)])
        setattr(self, norm, nn.LayerNorm(width, eps=EPS))

    def tokens(self, images, blocks):
        x = self.patch_embed(images)
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)
        x = x + self.pos_embed
        for block in self.blocks[:blocks]:
            x = block(x)
        return x


# ------------------------------------------------------------------------------------------------ the files

class Draw:
    """Seeded normals, rounded to float32."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape, scale=1.0, mean=0.0, grad=False):
        values = mean + scale * torch.randn(*shape, generator=self.generator)
        return values.float().double().requires_grad_(grad)

    def parameters(self, module):
        """Random values that leave no parameter's gradient at zero: gates open, normalisation near one."""
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                center = 1.0 if "norm" in name and name.endswith("weight") else 0.0
                parameter.copy_(self(*parameter.shape, scale=0.3, mean=center))


def constants(**values):
    """Numbers as one-element tensors."""
    return {f"const.{name}": torch.tensor([float(value)]) for name, value in values.items()}


def differentiated(module, inputs, result, cotangent):
    """Everything of one forward and backward pass, under the file's names."""
    parameters = dict(module.named_parameters()) if module is not None else {}
    wanted = {f"din.{name}": x for name, x in inputs.items() if x.requires_grad}
    wanted.update({f"grad.{name}": p for name, p in parameters.items()})
    gradients = torch.autograd.grad(result, list(wanted.values()), cotangent)
    return {
        **{f"in.{name}": x for name, x in inputs.items()}, **parameters, "out.y": result, "dout.y": cotangent,
        **dict(zip(wanted, gradients)),
    }


def block(time_width, seed):
    draw = Draw(seed)
    width, heads, grid, batch = 12, 3, 2, 2
    module = Block(width, heads, time_width)
    draw.parameters(module)
    inputs = {"x": draw(batch, grid * grid, width, grad=True)}
    if time_width > 0:
        inputs["condition"] = draw(batch, time_width, grad=True)
    result = module(*inputs.values())
    return {
        **differentiated(module, inputs, result, draw(*result.shape)),
        **constants(width=width, heads=heads, grid=grid, time_width=time_width),
    }


def denoiser(time_width, seed):
    draw = Draw(seed)
    width, depth, heads, grid, inputs, outputs, batch, read = 12, 2, 3, 3, 6, 9, 2, 1
    module = Denoiser(width, depth, heads, grid, inputs, outputs, time_width)
    draw.parameters(module)
    patches, t = draw(batch, grid * grid, inputs, grad=True), torch.tensor([10.0, 733.0])
    result = module(patches, t)
    return {
        **differentiated(module, {"patches": patches, "t": t}, result, draw(*result.shape)),
        "out.encoded": module.encode(patches, t, read)[0],
        **constants(
            width=width, depth=depth, heads=heads, grid=grid, inputs=inputs, outputs=outputs, time_width=time_width, encoder_depth=read),
    }


def vit(seed, token, exact, norm):
    """Features of two images, by each pooling, and the mean patch token after the first block."""
    draw = Draw(seed)
    side, patch, width, depth, heads, ratio, mean, std = 9, 3, 12, 2, 3, 2, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    module = Vit(side, patch, width, depth, heads, ratio, exact, token, norm)
    draw.parameters(module)
    images = torch.randint(0, 256, (2, side, side, 3), generator=draw.generator)
    values = ((images / 255 - torch.tensor(mean)) / torch.tensor(std)).permute(0, 3, 1, 2)
    last, first = module.tokens(values, depth), 1 if token else 0
    results = {"out.first_block": module.tokens(values, 1)[:, first:].mean(dim=1)}
    if norm == "norm":
        last = module.norm(last)
        results["out.mean"] = last[:, first:].mean(dim=1)
    else:
        results["out.mean"] = module.fc_norm(last[:, first:].mean(dim=1))
    if token:
        results["out.cls"] = last[:, 0]
    return {**dict(module.named_parameters()), "in.images": images.int(), **results, **constants(heads=heads)}


def layernorm_plain():
    draw = Draw(11)
    x = draw(5, 37, scale=2, mean=0.5, grad=True)
    return differentiated(None, {"x": x}, F.layer_norm(x, (37,), eps=EPS), draw(5, 37))


def layernorm_small():
    """A spread of a thousandth: eps counts for as much as the variance."""
    draw = Draw(12)
    x = draw(4, 10, scale=1e-3, mean=0.25, grad=True)
    return differentiated(None, {"x": x}, F.layer_norm(x, (10,), eps=EPS), draw(4, 10))


def layernorm_affine():
    draw = Draw(13)
    x, weight, bias = draw(6, 19, grad=True), draw(19, mean=1, scale=0.3, grad=True), draw(19, grad=True)
    inputs = {"x": x, "weight": weight, "bias": bias}
    return differentiated(None, inputs, F.layer_norm(x, (19,), weight, bias, EPS), draw(6, 19))


def layernorm_modulated():
    draw = Draw(14)
    x, shift, scale = draw(3, 4, 10, grad=True), draw(3, 10, grad=True), draw(3, 10, grad=True)
    result = modulate(F.layer_norm(x, (10,), eps=EPS), shift, scale)
    return differentiated(None, {"x": x, "shift": shift, "scale": scale}, result, draw(3, 4, 10))


def gelu():
    x = torch.linspace(-9, 9, 145).requires_grad_()
    return differentiated(None, {"x": x}, F.gelu(x, approximate="tanh"), Draw(15)(145))


def adamw():
    """Ten steps of a changing learning rate over two groups, with and without decay; some gradients are zero or tiny."""
    draw = Draw(16)
    steps, decayed, plain, decay, betas, eps = 10, 7, 5, 0.05, (0.9, 0.95), 1e-8
    start, gradients = draw(decayed + plain), draw(steps, decayed + plain, scale=0.1)
    gradients[:, 2] = 0
    gradients[:, 3] *= 2.0 ** -30
    gradients[::2, 9] = 0
    rates = [1e-3 * (step + 1) for step in range(steps)]
    first, second = (nn.Parameter(part.clone()) for part in start.split([decayed, plain]))
    optimizer = torch.optim.AdamW([{"params": [first], "weight_decay": decay}, {"params": [second], "weight_decay": 0.0}], betas=betas, eps=eps)
    values, moments1, moments2 = [], [], []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rates[step]
        first.grad, second.grad = (part.clone() for part in gradients[step].split([decayed, plain]))
        optimizer.step()
        values.append(torch.cat([first, second]).detach().clone())
        moments1.append(torch.cat([optimizer.state[p]["exp_avg"] for p in (first, second)]).clone())
        moments2.append(torch.cat([optimizer.state[p]["exp_avg_sq"] for p in (first, second)]).clone())
    return {
        "in.values": start, "in.gradients": gradients, "in.lr": torch.tensor(rates),
        "in.decay": torch.tensor([decay] * decayed + [0.0] * plain),
        "out.values": torch.stack(values), "out.m": torch.stack(moments1), "out.v": torch.stack(moments2),
        **constants(beta1=betas[0], beta2=betas[1], eps=eps),
    }


def schedule():
    """lr(s) = base s / W for s < W, else base (1 + cos(pi (s - W) / (N - W))) / 2, for s = 0..N: W warm-up steps of N.

    "lr.W": [N + 1] with N = const.steps; 0 is the start of the run, W the peak, N the end.
    """
    base, steps = 2.4e-3, 40
    tensors = constants(base=base, steps=steps)
    for warmup in (0, 1, 10):
        parameter = nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([parameter], lr=base)

        def factor(step, warmup=warmup):
            return step / warmup if step < warmup else 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        rates = []
        for _ in range(steps + 1):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        # The cosine part is also what PyTorch's own scheduler gives.
        annealed = torch.optim.lr_scheduler.CosineAnnealingLR(torch.optim.SGD([parameter], lr=base), steps - warmup)
        for rate in rates[warmup:]:
            assert abs(rate - annealed.get_last_lr()[0]) < 1e-12 * base
            annealed.optimizer.step()
            annealed.step()
        tensors[f"out.lr.{warmup}"] = torch.tensor(rates)
    return tensors


def cross_entropy():
    draw = Draw(17)
    logits, labels = draw(7, 11, scale=3, grad=True), torch.tensor([0, 10, 3, 3, 7, 1, 5])
    with torch.no_grad():
        logits[1] += 200  # far from zero: only a softmax that subtracts the maximum survives
        logits[2, 3] = 40
    result = F.cross_entropy(logits, labels).reshape(1)
    return {**differentiated(None, {"logits": logits}, result, torch.tensor([0.75])), "in.labels": labels.int()}


def ldae_loss():
    """Equation 4 with all D components: mean over images and patches of lambda sum_i w_i (V (x - net))_i^2 / D."""
    draw = Draw(18)
    batch, tokens, pixels, kept, kept_weight, residual_weight = 3, 4, 12, 5, 1.0, 0.1
    prediction, clean = draw(batch, tokens, pixels, grad=True), draw(batch, tokens, pixels)
    basis, _ = torch.linalg.qr(draw(pixels, pixels))
    levels = torch.tensor([0.25, 0.625, 1.0])
    weights = torch.full((pixels,), residual_weight)
    weights[:kept] = kept_weight
    terms = levels[:, None, None] * weights * ((clean - prediction) @ basis.T) ** 2 / pixels
    sums = terms.sum(dim=(0, 1)) / (batch * tokens)
    result = terms.sum(dim=-1).mean().reshape(1)
    tensors = differentiated(None, {"prediction": prediction, "clean": clean, "basis": basis, "lambda": levels}, result, torch.tensor([0.5]))
    return {
        **tensors, "out.kept": sums[:kept].sum().reshape(1), "out.residual": sums[kept:].sum().reshape(1),
        **constants(kept=kept, kept_weight=kept_weight, residual_weight=residual_weight),
    }


def channels_first(x):
    """PyTorch's order, from the engine's: channels innermost. The same for weights [outputs, height, width, inputs]."""
    return x.permute(0, 3, 1, 2)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


def convolution(seed, height, width, inputs, outputs, kernel, stride):
    draw = Draw(seed)
    x, weight, bias = draw(2, height, width, inputs, grad=True), draw(outputs, kernel, kernel, inputs, scale=0.4, grad=True), draw(outputs, grad=True)
    result = channels_last(F.conv2d(channels_first(x), channels_first(weight), bias, stride=stride, padding=kernel // 2))
    return {
        **differentiated(None, {"x": x, "weight": weight, "bias": bias}, result, draw(*result.shape)), **constants(stride=stride),
    }


def group_norm():
    draw, groups = Draw(22), 3
    x, weight, bias = draw(2, 4, 3, 12, scale=2, mean=0.5, grad=True), draw(12, mean=1, scale=0.3, grad=True), draw(12, grad=True)
    result = channels_last(F.group_norm(channels_first(x), groups, weight, bias, EPS))
    return {**differentiated(None, {"x": x, "weight": weight, "bias": bias}, result, draw(*result.shape)), **constants(groups=groups)}


def upsample():
    draw = Draw(23)
    x = draw(2, 3, 4, 5, grad=True)
    result = channels_last(F.interpolate(channels_first(x), scale_factor=2, mode="nearest"))
    return differentiated(None, {"x": x}, result, draw(*result.shape))


def silu():
    x = torch.linspace(-9, 9, 145).requires_grad_()
    return differentiated(None, {"x": x}, F.silu(x), Draw(24)(145))


def patches():
    """Three by two patches of side 2, each flattened as (row, column, channel)."""
    draw = Draw(25)
    x = draw(2, 6, 4, 3, grad=True)
    columns = F.unfold(channels_first(x), 2, stride=2)  # [B, channel (row, column), token]
    result = columns.reshape(2, 3, 4, 6).permute(0, 3, 2, 1).reshape(2, 6, 12)
    return differentiated(None, {"x": x}, result, draw(*result.shape))


class ResidualBlock(nn.Module):
    """Group norm, SiLU, convolution of 3x3, twice, plus the input; through a convolution of one pixel where the channels change."""

    def __init__(self, inputs, outputs, groups):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs, eps=EPS)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, outputs, eps=EPS)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x):
        y = channels_first(x)
        h = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(y))))))
        return channels_last(h + (y if self.skip is None else self.skip(y)))


def residual_block(seed, inputs, outputs, groups):
    draw = Draw(seed)
    module = ResidualBlock(inputs, outputs, groups)
    draw.parameters(module)
    x = draw(2, 5, 4, inputs, grad=True)
    result = module(x)
    tensors = {**differentiated(module, {"x": x}, result, draw(*result.shape)), **constants(inputs=inputs, outputs=outputs, groups=groups)}
    # Weights of convolutions, and their gradients, with channels innermost.
    weights = {name: channels_last(value) for name, value in tensors.items() if name.endswith("weight") and value.dim() == 4}
    return {**tensors, **weights}


FILES = {
    "block_adaln": lambda: block(5, 1),
    "block_affine": lambda: block(0, 2),
    "denoiser_time": lambda: denoiser(4, 3),
    "denoiser_plain": lambda: denoiser(0, 4),
    "vit_class_token": lambda: vit(21, True, True, "norm"),
    "vit_mean_token": lambda: vit(22, False, False, "fc_norm"),
    "layernorm_plain": layernorm_plain,
    "layernorm_small": layernorm_small,
    "layernorm_affine": layernorm_affine,
    "layernorm_modulated": layernorm_modulated,
    "gelu": gelu,
    "adamw": adamw,
    "schedule": schedule,
    "cross_entropy": cross_entropy,
    "ldae_loss": ldae_loss,
    "convolution": lambda: convolution(19, 5, 4, 3, 4, 3, 1),
    "convolution_strided": lambda: convolution(20, 6, 5, 4, 3, 3, 2),
    "convolution_pixel": lambda: convolution(21, 3, 4, 5, 6, 1, 1),
    "group_norm": group_norm,
    "upsample": upsample,
    "silu": silu,
    "patches": patches,
    "residual_block": lambda: residual_block(26, 4, 4, 2),
    "residual_block_wider": lambda: residual_block(27, 4, 6, 2),
}


def difference(path, tensors):
    """The largest difference from a file, relative to the largest value of the tensor; infinite when names or shapes differ."""
    stored = read_safetensors(path)
    if stored.keys() != tensors.keys() or any(stored[n].shape != tensors[n].shape for n in stored):
        return math.inf
    pairs = [(stored[n].double(), tensors[n].detach().double()) for n in stored]
    return max(((a - b).abs().max() / b.abs().max().clamp(min=1e-300)).item() for a, b in pairs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of write")
    check = parser.parse_args().check
    FOLDER.mkdir(exist_ok=True)
    worst = 0.0
    for name, make in FILES.items():
        path, tensors = FOLDER / f"{name}.safetensors", make()
        if check:
            error = difference(path, tensors)
            worst = max(worst, error)
            print(f"{path.name:32} {error:.1e}")
        else:
            write_safetensors(path, tensors)
            print(f"{path.name:32} {path.stat().st_size:8,} bytes, {len(tensors)} tensors")
    return 1 if worst > 1e-12 else 0


if __name__ == "__main__":
    sys.exit(main())
