using System.Diagnostics;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner;

/// <summary>The time until a GPU can run a training step, with an empty and with a full cache of kernels.</summary>
internal static class StartTimings
{
    /// <summary>The preset of the step.</summary>
    public const string Preset = "cifar-small";

    /// <summary>Measures with a temporary cache.</summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="warn">Receives warnings.</param>
    /// <returns>Both times, and the number of kernel families with their constants.</returns>
    public static (TimeSpan Cold, TimeSpan Warm, int Kernels) Measure(CudaDevice gpu, Action<string> warn)
    {
        var cache = Directory.CreateTempSubdirectory("ldae-start-").FullName;
        try
        {
            var (cold, compiled) = Start(gpu, cache, warn);
            var (warm, again) = Start(gpu, cache, warn);
            if (again > 0)
            {
                warn($"warning: {again} of {compiled} kernel families were compiled again although they were in the cache.");
            }

            return (cold, warm, compiled);
        }
        finally
        {
            Directory.Delete(cache, recursive: true);
        }
    }

    private static (TimeSpan Time, int Compiled) Start(CudaDevice gpu, string cache, Action<string> warn)
    {
        var start = Stopwatch.GetTimestamp();

        // Products are not tuned: the time depends on the number of shapes, and a run saves its choices.
        using var backend = new CudaBackend(gpu, new CudaOptions { ActivationType = DType.BF16, Autotune = false, CacheFolder = cache, Warn = warn });
        var recipe = Presets.Get(Preset);
        using var step = new WarmupStep(MethodCatalog.Of(recipe), backend, recipe);
        step.Prepare();
        backend.Synchronize();
        return (Stopwatch.GetElapsedTime(start), backend.Compilations);
    }
}
