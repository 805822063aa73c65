#!/usr/bin/env python3
"""PyTorch on the work that bench times: op cases by their names, and whole training steps. Prints JSON in the form of bench's results.

    dotnet run -c Release --project bench -- list --device cuda > cases.txt
    python3 bench/pytorch/rival.py --device cuda --cases cases.txt "step vit-b" "step vit-half-l" > pytorch.json
    /usr/bin/python3 bench/pytorch/rival.py --toy > toy.json             small sizes on the CPU: proves the script

On cuda: bf16 as training uses it (autocast over float32 weights, fused AdamW), torch.compile, the fastest attention backend of those
that run, times by CUDA events over calls in flight, on random inputs of several sets in rotation. On the CPU: float32. Runs with
PyTorch 1.13 (without compilation and backends) up to current ones.
"""
import argparse
import contextlib
import json
import math
import os
import re
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

EPS, LEVELS, KEPT, RESIDUAL = 1e-6, 1000, 1.0, 0.1
L2_BYTES = 256 << 20

PRESETS = {
    "cifar-tiny": dict(width=192, depth=12, heads=3, image=32, patch=4, dim=8, batch=128, clip=1.0, beta2=0.95),
    "natural64": dict(width=384, depth=12, heads=6, image=64, patch=8, dim=16, batch=64, clip=1.0, beta2=0.95),
    "vit-b": dict(width=768, depth=24, heads=12, image=256, patch=16, dim=32, batch=256, clip=0.0, beta2=0.999),
    "vit-half-l": dict(width=1024, depth=24, heads=16, image=256, patch=16, dim=32, batch=256, clip=0.0, beta2=0.999),
    "toy": dict(width=32, depth=2, heads=2, image=16, patch=4, dim=8, batch=4, clip=1.0, beta2=0.95),
}


# ------------------------------------------------------------------------------------------------ the clock

class Clock:
    """Median and quartiles of a piece of work: CUDA events on a GPU, the processor's clock elsewhere."""

    def __init__(self, device, seconds):
        self.device, self.seconds = device, seconds

    def row(self, name, kind, work, least=5, **more):
        """work(i) does the work on set i of its buffers; several calls are in flight between two events on a GPU."""
        for i in range(3):
            work(i)
        once = self._seconds(work, 1, 0)
        calls = max(1, min(50, int(2e-3 / once))) if self.device == "cuda" else 1
        times, start, number = [], time.perf_counter(), 0
        while len(times) < least or time.perf_counter() - start < self.seconds:
            times.append(self._seconds(work, calls, number))
            number += calls
        times.sort()
        return {"name": name, "pass": kind, "median_s": times[len(times) // 2], "low_s": times[len(times) // 4],
                "high_s": times[len(times) * 3 // 4], "samples": len(times), **more}

    def _seconds(self, work, calls, number):
        if self.device != "cuda":
            start = time.perf_counter()
            for i in range(calls):
                work(number + i)
            return (time.perf_counter() - start) / calls
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for i in range(calls):
            work(number + i)
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3 / calls


def compiled(function, options):
    """torch.compile where this version has it and a GPU makes it worth the wait."""
    if options.toy or options.device != "cuda" or not hasattr(torch, "compile"):
        return function
    torch._dynamo.reset()  # what was compiled under another attention backend must not be found again
    return torch.compile(function)


def backends(options):
    """Contexts that fix the attention backend, by name; only the default one where the version cannot choose."""
    try:
        from torch.nn.attention import SDPBackend, sdpa_kernel
    except ImportError:
        return {"default": contextlib.nullcontext}
    if options.device != "cuda":
        return {"default": contextlib.nullcontext}
    names = [n for n in ("CUDNN_ATTENTION", "FLASH_ATTENTION", "EFFICIENT_ATTENTION") if hasattr(SDPBackend, n)]
    return {n: (lambda n=n: sdpa_kernel(getattr(SDPBackend, n))) for n in names}


def best(make, options):
    """The fastest row over the attention backends that run."""
    rows = []
    for name, context in backends(options).items():
        try:
            with context():
                rows.append({**make(), "attention": name})
        except RuntimeError as error:
            print(f"attention by {name}: {error}", file=sys.stderr)
    return min(rows, key=lambda row: row["median_s"]) if rows else None


def sdpa(query, key, value):
    """PyTorch's fused attention; its formula where the version has none."""
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(query, key, value)
    return torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]), dim=-1) @ value


# ------------------------------------------------------------------------------------------------ op cases

def linear(m, n, k, bias, gelu):
    """y = x W^T + b, perhaps with the tanh GELU."""
    inputs = [(m, k), (n, k)] + ([(n,)] if bias else [])

    def run(x, weight, b=None):
        y = F.linear(x, weight, b)
        return F.gelu(y, approximate="tanh") if gelu else y
    return inputs, run


def attention(images, tokens, heads, size):
    """Attention on packed rows [B T, 3C] to [B T, C]."""
    def run(qkv):
        query, key, value = qkv.view(images, tokens, 3, heads, size).permute(2, 0, 3, 1, 4)
        return sdpa(query, key, value).transpose(1, 2).reshape(images * tokens, heads * size)
    return [(images * tokens, 3 * heads * size)], run


def layernorm(images, tokens, width):
    """h = x + gate branch, y = norm(h) (1 + scale) + shift; both are results."""
    def run(x, branch, table):
        shift, gate, scale = table.chunk(3, dim=-1)
        h = x + gate * branch
        return h, F.layer_norm(h, (width,), eps=EPS) * (1 + scale) + shift
    return [(images, tokens, width), (images, tokens, width), (images, 1, 3 * width)], run


def pca_loss(images, tokens, pixels, kept):
    """Equation 4."""
    def run(prediction, clean, basis, weights):
        return loss(prediction, clean, basis, weights.abs().view(-1), pixels)
    return [(images, tokens, pixels), (images, tokens, pixels), (kept, pixels), (images, 1)], run


def latent_noise(images, tokens, pixels, kept):
    """Projection, noise, and back."""
    def run(clean, mean, basis, std, sigma):
        with torch.no_grad():
            return noise(clean, mean, basis, 2 + std.abs(), sigma.abs().view(-1))
    return [(images, tokens, pixels), (pixels,), (kept, pixels), (kept,), (images, 1)], run


def patch_embedding(images, tokens, pixels, width):
    """x W^T + b + positions."""
    def run(patches, weight, bias, positions):
        return F.linear(patches, weight, bias) + positions
    return [(images, tokens, pixels), (width, pixels), (width,), (tokens, width)], run


OPS = [
    (r"^linear (\d+)x(\d+)x(\d+)( no bias)?( gelu)?$", lambda g: linear(int(g[0]), int(g[1]), int(g[2]), g[3] is None, g[4] is not None)),
    (r"^attention (\d+)x(\d+) tokens, (\d+) heads of (\d+)$", lambda g: attention(*map(int, g))),
    (r"^layernorm (\d+)x(\d+)x(\d+) gate, modulate$", lambda g: layernorm(*map(int, g))),
    (r"^pca loss (\d+)x(\d+)x(\d+), (\d+) kept$", lambda g: pca_loss(*map(int, g))),
    (r"^latent noise (\d+)x(\d+)x(\d+), (\d+) kept, first image \d+$", lambda g: latent_noise(*map(int, g))),
    (r"^patch embedding (\d+)x(\d+)x(\d+) to (\d+)$", lambda g: patch_embedding(*map(int, g))),
]
TOY_CASES = ["linear 64x24x40 gelu", "linear 10x12x11 no bias", "attention 2x64 tokens, 1 heads of 32", "layernorm 2x5x12 gate, modulate",
             "pca loss 3x5x48, 8 kept", "latent noise 3x5x48, 8 kept, first image 6", "patch embedding 3x4x48 to 17", "adamw 4096 values, step 1000, decay",
             "step toy"]


def op_rows(name, options, clock):
    """Rows of an op case: forward, and backward where there is a gradient; none when it has no counterpart here."""
    adam = re.match(r"^adamw (\d+) values", name)
    if adam:
        yield adamw(name, int(adam.group(1)), options, clock)
    for pattern, make in OPS:
        match = re.match(pattern, name)
        if match:
            shapes, run = make(match.groups())
            dtype = torch.bfloat16 if options.device == "cuda" else torch.float32
            size = sum(math.prod(shape) for shape in shapes) * (2 if options.device == "cuda" else 4)
            sets = [[torch.randn(shape, device=options.device, dtype=dtype, requires_grad=True) for shape in shapes]
                    for _ in range(1 if options.toy else max(1, min(8, L2_BYTES // size + 1)))]
            yield from passes(name, sets, run, options, clock)


def passes(name, sets, run, options, clock):
    def forward():
        function = compiled(run, options)

        def call(i):
            with torch.no_grad():
                function(*sets[i % len(sets)])
        return clock.row(name, "forward", call)

    def backward():
        function = compiled(run, options)
        recorded = []
        for inputs in sets:
            outputs = function(*inputs)
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
            recorded.append((outputs, inputs, [torch.randn_like(y) for y in outputs]))
        return clock.row(name, "backward", lambda i: torch.autograd.grad(
            recorded[i % len(sets)][0], recorded[i % len(sets)][1], recorded[i % len(sets)][2], retain_graph=True, allow_unused=True))

    makes = [forward] if name.startswith("latent noise") else [forward, backward]
    for make in makes:
        row = best(make, options) if name.startswith("attention") else make()
        if row:
            yield row


def adamw(name, count, options, clock):
    """One optimizer step over one flat parameter, fused where the version can."""
    parameter = nn.Parameter(torch.randn(count, device=options.device))
    parameter.grad = torch.randn_like(parameter)
    optimizer = new_optimizer([parameter], 0.999, 0.1, options)
    return clock.row(name, "forward", lambda i: optimizer.step())


# ------------------------------------------------------------------------------------------------ the step

class Block(nn.Module):
    """DiT's adaLN-Zero block, as model/Layers/TransformerBlock.cs has it."""

    def __init__(self, width, heads, time_width):
        super().__init__()
        self.heads = heads
        self.adaln = nn.Linear(time_width, 6 * width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        nn.init.zeros_(self.adaln.weight)
        nn.init.zeros_(self.adaln.bias)

    def forward(self, x, condition):
        batch, tokens, width = x.shape
        shift1, scale1, gate1, shift2, scale2, gate2 = self.adaln(condition).unsqueeze(1).chunk(6, dim=-1)
        y = F.layer_norm(x, (width,), eps=EPS) * (1 + scale1) + shift1
        query, key, value = self.qkv(y).view(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        x = x + gate1 * self.proj(sdpa(query, key, value).transpose(1, 2).reshape(batch, tokens, width))
        y = F.layer_norm(x, (width,), eps=EPS) * (1 + scale2) + shift2
        return x + gate2 * self.fc2(F.gelu(self.fc1(y), approximate="tanh"))


class Denoiser(nn.Module):
    """The whole network of model/Networks/DenoisingTransformer.cs."""

    def __init__(self, width, depth, heads, grid, values):
        super().__init__()
        time_width = width // 4
        self.embed = nn.Linear(values, width)
        self.time = nn.Sequential(nn.Linear(256, time_width), nn.SiLU(), nn.Linear(time_width, time_width), nn.SiLU())
        self.blocks = nn.ModuleList([Block(width, heads, time_width) for _ in range(depth)])
        self.final_adaln, self.output = nn.Linear(time_width, 2 * width), nn.Linear(width, values)
        self.register_buffer("positions", positions(grid, width))
        self.register_buffer("frequencies", torch.exp(torch.arange(128) * (-math.log(10000) / 128)))
        for layer in (self.final_adaln, self.output):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, patches, t):
        angles = t.unsqueeze(1) * self.frequencies
        condition = self.time(torch.cat([angles.cos(), angles.sin()], dim=1))
        x = self.embed(patches) + self.positions
        for block in self.blocks:
            x = block(x, condition)
        shift, scale = self.final_adaln(condition).unsqueeze(1).chunk(2, dim=-1)
        return self.output(F.layer_norm(x, x.shape[-1:], eps=EPS) * (1 + scale) + shift)


def positions(grid, width):
    """Fixed two-dimensional sines and cosines: columns, then rows."""
    quarter = width // 4
    frequencies = torch.exp(torch.arange(quarter) * (-math.log(10000) / quarter))
    places = torch.arange(grid * grid)
    x, y = (places % grid).unsqueeze(1) * frequencies, (places // grid).unsqueeze(1) * frequencies
    return torch.cat([x.sin(), x.cos(), y.sin(), y.cos()], dim=1)


def noise(clean, mean, basis, std, sigma):
    """x_t: projected on the kept components, noised there, and back."""
    z = (clean - mean) @ basis.T / std
    z = z + sigma.view(-1, 1, 1) * torch.randn_like(z)
    return mean + (z * std) @ basis


def loss(prediction, clean, basis, weights, values):
    """Equation 4 by two squared norms."""
    r = prediction - clean
    error = RESIDUAL * r.square().sum(-1) + (KEPT - RESIDUAL) * (r @ basis.T).square().sum(-1)
    return (weights.unsqueeze(1) * error).mean() / values


def new_optimizer(parameters, beta2, decay, options):
    more = {"fused": True} if options.device == "cuda" else {}
    return torch.optim.AdamW(parameters, lr=1e-4, betas=(0.9, beta2), eps=1e-8, weight_decay=decay, **more)


def step_row(name, options, clock):
    """img/s and memory of a training step: bytes to patches, noise, network, loss, gradient, clipping, AdamW, moving average."""
    p = PRESETS[name.split(" ", 1)[1]]
    device, values, grid = options.device, 3 * p["patch"] ** 2, p["image"] // p["patch"]
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    network = Denoiser(p["width"], p["depth"], p["heads"], grid, values).to(device)
    parameters = list(network.parameters())
    average = [q.detach().clone() for q in parameters]
    optimizer = new_optimizer(parameters, p["beta2"], 0.0, options)
    pixels = torch.randint(0, 256, (p["batch"], p["image"], p["image"], 3), dtype=torch.uint8, device=device)
    mean, std = 0.1 * torch.randn(values, device=device), torch.ones(p["dim"], device=device)
    basis = torch.linalg.qr(torch.randn(values, values))[0][:p["dim"]].contiguous().to(device)

    def objective(images, t):
        x = images.float() * (2 / 255) - 1
        clean = x.view(-1, grid, p["patch"], grid, p["patch"], 3).permute(0, 1, 3, 2, 4, 5).reshape(-1, grid * grid, values)
        sigma = t * (math.sqrt(2) / LEVELS)
        noisy = noise(clean, mean, basis, std, sigma)
        with torch.autocast("cuda", dtype=torch.bfloat16) if device == "cuda" else contextlib.nullcontext():
            prediction = network(noisy, t)
        return loss(prediction.float(), clean, basis, 1 / (1 + sigma * sigma), values)

    function = compiled(objective, options)

    def call(_):
        optimizer.zero_grad(set_to_none=True)
        t = torch.randint(1, LEVELS + 1, (p["batch"],), device=device).float()
        function(pixels, t).backward()
        if p["clip"] > 0:
            nn.utils.clip_grad_norm_(parameters, p["clip"])
        optimizer.step()
        with torch.no_grad():
            if hasattr(torch, "_foreach_lerp_"):
                torch._foreach_lerp_(average, parameters, 1e-4)
            else:
                for a, q in zip(average, parameters):
                    a.lerp_(q, 1e-4)

    row = clock.row(name, "step", call, parameters=sum(q.numel() for q in parameters))
    row["images_per_second"] = p["batch"] / row["median_s"]
    if device == "cuda":
        row["peak_memory_bytes"] = torch.cuda.max_memory_allocated()
    print(f"{name}: {row['images_per_second']:.1f} img/s, {row['parameters']:,} parameters", file=sys.stderr)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="op cases, or 'step PRESET'")
    parser.add_argument("--cases", help="a file of names, one a line")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--out", help="the JSON's file, kept up to date row by row; standard output when left out")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each row")
    parser.add_argument("--toy", action="store_true", help="small cases, without compilation")
    options = parser.parse_args()
    names = list(options.names)
    if options.cases:
        with open(options.cases, encoding="utf-8") as file:
            names += [line.strip() for line in file if line.strip()]
    if options.toy and not names:
        names = TOY_CASES
    if options.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
    clock, rows = Clock(options.device, 0.0 if options.toy else options.seconds), []
    report = {"schema": 1, "program": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads(), "rows": rows,
              "device": torch.cuda.get_device_name() if options.device == "cuda" else "cpu"}
    for name in names:
        if name.startswith("step "):
            def make(name=name):
                return step_row(name, options, clock)
            row = best(make, options)
            rows += [row] if row else []
        else:
            rows += op_rows(name, options, clock)
        if options.out:
            # What is stopped half-way leaves what it has: written beside, then renamed.
            with open(options.out + ".new", "w", encoding="utf-8") as file:
                json.dump(report, file, indent=2)
            os.replace(options.out + ".new", options.out)
    if not options.out:
        print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
