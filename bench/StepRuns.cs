using System.Diagnostics;
using System.Globalization;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Bench;

/// <summary>Whole steps of the presets, and the pass that a probe reads features by.</summary>
/// <param name="options">What is asked for.</param>
/// <param name="backend">The device.</param>
internal sealed class StepRuns(BenchOptions options, IBackend backend)
{
    private const string StepPrefix = "step ", FeaturesPrefix = "features ";
    private const int ExtractedImages = 4 * FeatureExtractor.BatchSize;

    // The preset whose patches are as long as the paper's.
    private const string PaperPatches = "photos128";

    // Latents of the preset that leaves their number to the data.
    private const int Dim = 16;

    /// <summary>Times the steps that the options ask for.</summary>
    public IEnumerable<ResultRow> Run()
    {
        foreach (var (name, recipe) in Recipes())
        {
            if (options.Wants(StepPrefix + name))
            {
                yield return Step(name, recipe);
            }

            if (options.Wants(FeaturesPrefix + name))
            {
                yield return Features(name, recipe);
            }
        }
    }

    /// <summary>The presets with the batch that is timed, one micro-batch a step. A processor is not asked for the paper's sizes unless by name.</summary>
    private IEnumerable<(string Name, Recipe Recipe)> Recipes()
    {
        if (options.Toy)
        {
            var demo = Presets.Get("demo");
            var toy = demo with
            {
                Data = demo.Data with { ImageSize = 16 },
                Network = new NetworkRecipe { Width = 32, Depth = 2, EncoderDepth = 1, Heads = 2 },
                Train = demo.Train with { Batch = 4 },
            };
            yield return ("toy", toy);
            yield return ("toy identity", WithPixels(toy));
            yield break;
        }

        (string Name, int Batch, bool Small)[] sizes = [
            ("cifar-tiny", 128, true), ("natural64", 64, true), ("photos128", 16, true), ("vit-b", 256, false), ("vit-half-l", 256, false)];
        foreach (var (name, batch, small) in sizes)
        {
            if (small || backend is CudaBackend || options.Filters.Any(filter => filter.Contains(name, StringComparison.OrdinalIgnoreCase)))
            {
                var recipe = Presets.Get(name);
                var shown = backend is CudaBackend || small ? batch : 8;
                var timed = WithDim(recipe with { Train = recipe.Train with { Batch = shown, Accumulate = 1 } }, recipe.Tokenizer.Dim > 0 ? recipe.Tokenizer.Dim : Dim);
                yield return (name, timed);
                foreach (var (what, variant) in name == PaperPatches ? Variants(timed) : [])
                {
                    yield return ($"{name} {what}", variant);
                }
            }
        }
    }

    /// <summary>The same step with wider latents, and with pixels for latents: what noise and loss then cost beside the network.</summary>
    private static IEnumerable<(string What, Recipe Recipe)> Variants(Recipe recipe) =>
        [("d=64", WithDim(recipe, 64)), ("d=128", WithDim(recipe, 128)), ("identity", WithPixels(recipe))];

    private static Recipe WithDim(Recipe recipe, int dim) => recipe with { Tokenizer = recipe.Tokenizer with { Dim = dim } };

    private static Recipe WithPixels(Recipe recipe) => recipe with
    {
        Tokenizer = recipe.Tokenizer with { Kind = TokenizerKind.Identity, Dim = recipe.Tokenizer.PatchValues },
    };

    private ResultRow Step(string name, Recipe recipe)
    {
        ProcessMemory.ForgetPeak();
        ResultRow row;
        long peak;
        using (var work = new StepWork(recipe, backend))
        {
            Say($"{StepPrefix}{name}: batch {recipe.Train.Batch}, {work.Model.Parameters.Count:N0} parameters, {work.Plan.TotalBytes / 1e6:F0} MB planned");
            row = ResultRow.Of(StepPrefix + name, "step", Times(work.Run, options.Short || options.Toy ? 5 : 15)) with
            {
                Flops = work.Flops,
                Parameters = work.Model.Parameters.Count,
            };
            peak = backend is CudaBackend cuda ? cuda.HeldBytes : ProcessMemory.Peak;
        }

        return row with { ImagesPerSecond = recipe.Train.Batch / row.MedianS, PeakMemoryBytes = peak, Families = Families(recipe) };
    }

    /// <summary>Seconds of a step by primitive: the median over a few steps of each one's sum, and the rest (host work) under its own name.</summary>
    private Dictionary<string, double> Families(Recipe recipe)
    {
        const int steps = 3;
        using var profiler = new ProfilingBackend(backend);
        using var work = new StepWork(recipe, profiler);
        work.Run();
        List<Dictionary<string, double>> taken = [];
        for (var i = 0; i < steps; i++)
        {
            profiler.Clear();
            var start = Stopwatch.GetTimestamp();
            work.Run();
            var whole = Stopwatch.GetElapsedTime(start).TotalSeconds;
            var times = profiler.Times.ToDictionary(t => t.Primitive, t => t.Seconds);
            times["(between primitives)"] = whole - times.Values.Sum();
            taken.Add(times);
        }

        return taken[0].Keys.ToDictionary(key => key, key => taken.Select(times => times.GetValueOrDefault(key)).Order().ElementAt(steps / 2));
    }

    private ResultRow Features(string name, Recipe recipe)
    {
        using var work = new StepWork(recipe with { Train = recipe.Train with { Batch = 1 } }, backend);
        using var extractor = new FeatureExtractor(work.Model.Encoder(work.Model.Recipe.Probe), ownsEncoder: true);
        var images = options.Toy ? FeatureExtractor.BatchSize : ExtractedImages;
        var pixels = StepWork.Pixels(images, recipe.Data.ImageSize);
        var features = new float[images * extractor.Channels];
        var row = ResultRow.Of(FeaturesPrefix + name, "forward", Times(() => extractor.Extract(pixels, 0, features), options.Short || options.Toy ? 3 : 9));
        return row with { ImagesPerSecond = images / row.MedianS };
    }

    private static double[] Times(Action work, int count)
    {
        // The first pass compiles and touches memory; the second runs code that is compiled again with what the first one taught.
        work();
        work();
        var times = new double[count];
        for (var i = 0; i < count; i++)
        {
            var start = Stopwatch.GetTimestamp();
            work();
            times[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        return times;
    }

    private static void Say(FormattableString line) => Console.Error.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
