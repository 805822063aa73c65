namespace LDaeCore.TorchRival;

/// <summary>What decides a training step: the recipe's sizes, under the presets' names.</summary>
internal sealed record StepSizes
{
    public required string Name { get; init; }

    public int Width { get; init; } = 192;

    public int Depth { get; init; } = 12;

    public int Heads { get; init; } = 3;

    public int Image { get; init; } = 32;

    public int Patch { get; init; } = 4;

    public int Dim { get; init; } = 8;

    public int Batch { get; init; } = 128;

    public double Clip { get; init; } = 1;

    public double Beta2 { get; init; } = 0.95;

    public bool Time { get; init; } = true;

    public bool Ema { get; init; } = true;

    public int Grid => Image / Patch;

    public int Tokens => Grid * Grid;

    public int PatchValues => Patch * Patch * 3;

    public int TimeWidth => Time ? Width / 4 : 0;

    /// <summary>
    /// Model operations of a step: three times the forward pass, 24 T C^2 + 4 T^2 C a block and image, plus the two layers at its ends.
    /// </summary>
    public double Flops => 3.0 * Batch * Tokens * ((Depth * ((24.0 * Width * Width) + (4.0 * Tokens * Width))) + (4.0 * PatchValues * Width));

    public static StepSizes Of(string name) => name switch
    {
        "cifar-tiny" => new StepSizes { Name = name },
        "natural64" => new StepSizes { Name = name, Width = 384, Heads = 6, Image = 64, Patch = 8, Dim = 16, Batch = 64 },
        "toy" => new StepSizes { Name = name, Width = 32, Depth = 2, Heads = 2, Image = 16, Batch = 4 },
        _ => throw new ArgumentException($"There is no step '{name}': cifar-tiny, natural64 or toy."),
    };
}
