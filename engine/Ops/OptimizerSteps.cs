using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>Cases of the primitives that work on the flat buffers in place: AdamW, momentum and LARS, average, norm.</summary>
public static class OptimizerSteps
{
    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        AdamW(1, 1, false), AdamW(37, 3, true), AdamW(4096, 1000, true), AdamW(131, 2, true, average: true), AdamW(37, 2, true, scale: true), AdamW(530, 2, false, scale: true),
        AdamW(41, 4, false, everywhere: 0.1),
        AdamW(6_000_000, 10, true) with { TimingOnly = true }, AdamW(86_000_000, 10, true) with { TimingOnly = true },
        AdamW(6_000_000, 10, true, scale: true) with { TimingOnly = true },
        Sgd(5, 0), Sgd(100, 0.001), Sgd(70, 0, clip: true), Sgd(5000, 0.02, clip: true), Ema(33), Ema(6_000_000) with { TimingOnly = true },
        Norm(1, 0), Norm(1000, 1), Norm(70_001, 100), Norm(6_000_000, 1) with { TimingOnly = true },
    ];

    internal static OpCase AdamW(int count, long step, bool decay, bool average = false, bool scale = false, double everywhere = 0)
    {
        var shape = new Shape(count);
        return new OpCase(
            "adamw",
            $"{count} values, step {step}{(decay ? ", decay" : "")}{(average ? ", average" : "")}{(scale ? ", rate scale" : "")}{(everywhere > 0 ? ", decay everywhere" : "")}",
            [
                new("values", shape) { IsParameter = true }, new("gradients", shape) { IsParameter = true, Scale = 0.1 },
                new("m", shape) { IsParameter = true, Scale = 0.1 }, new("v", shape) { IsParameter = true, Scale = 0.01, Positive = true },
                new("clip", new Shape(1)) { IsParameter = true, Positive = true }, new("decay", shape) { IsParameter = true, Positive = true, Scale = 0.1 },
                new("average", shape) { IsParameter = true }, new("scale", shape) { IsParameter = true, Positive = true },
            ],
            (tape, i) =>
            {
                tape.Backend.AdamW(new AdamWArgs(i[0], i[1], i[2], i[3], i[4])
                {
                    LearningRate = 1e-2,
                    Beta1 = 0.9,
                    Beta2 = 0.999,
                    Epsilon = 1e-8,
                    Step = step,
                    RateScale = scale ? i[7] : null,
                    Decay = decay ? i[5] : null,
                    WeightDecay = everywhere,
                    Average = average ? i[6] : null,
                    AverageDecay = 0.875,
                });
                return average ? [i[0], i[2], i[3], i[6]] : [i[0], i[2], i[3]];
            })
        {
            Flops = (scale ? 16.0 : 15.0) * count,
            Elements = (scale ? 8.0 : 7.0) * count,
            Differentiable = false,
        };
    }

    private static OpCase Sgd(int count, double trust, bool clip = false)
    {
        var shape = new Shape(count);
        return new OpCase(
            trust > 0 ? "lars" : "sgd",
            $"{count} values{(clip ? ", clip" : "")}",
            [
                new("values", shape) { IsParameter = true }, new("gradients", shape) { IsParameter = true },
                new("velocity", shape) { IsParameter = true }, new("clip", new Shape(1)) { IsParameter = true, Positive = true },
            ],
            (tape, i) =>
            {
                tape.Backend.Sgd(new SgdArgs(i[0], i[1], i[2]) { LearningRate = 0.1, Momentum = 0.9, Decay = 0.01, Trust = trust, ClipScale = clip ? i[3] : null });
                return [i[0], i[2]];
            })
        {
            Flops = 6.0 * count,
            Elements = 5.0 * count,
            SumLength = count,
            Differentiable = false,
        };
    }

    internal static OpCase Ema(int count) => new(
        "ema",
        $"{count} values",
        [new("values", new Shape(count)) { IsParameter = true }, new("average", new Shape(count)) { IsParameter = true }],
        (tape, i) =>
        {
            tape.Backend.Ema(i[0], 0.999, i[1]);
            return [i[1]];
        })
    {
        Flops = 3.0 * count,
        Elements = 3.0 * count,
        Differentiable = false,
    };

    internal static OpCase Norm(int count, double limit) => new(
        "global norm",
        $"{count} values, limit {limit}",
        [new("x", new Shape(count)) { IsParameter = true }],
        (tape, i) =>
        {
            Tensor norm = tape.New(new Shape(1), tape.Backend.ParameterType), scale = tape.New(new Shape(1), tape.Backend.ParameterType);
            tape.Backend.GlobalNorm(i[0], limit, norm, scale);
            return [norm, scale];
        })
    {
        Flops = 2.0 * count,
        Elements = count,
        SumLength = count,
        Differentiable = false,
    };
}
