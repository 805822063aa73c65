using System.Diagnostics;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner;

/// <summary>How long a GPU takes until it can do a training step: once with every kernel to compile, once with all of them in the cache.</summary>
internal static class StartTimings
{
    /// <summary>Whose step it is.</summary>
    public const string Preset = "cifar-small";

    /// <summary>Measures in a cache of its own, which is removed.</summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="warn">Told what a user should know.</param>
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

        // Products are not tuned: that takes as long as there are shapes, and a run keeps what it chose.
        using var backend = new CudaBackend(gpu, new CudaOptions { ActivationType = DType.BF16, Autotune = false, CacheFolder = cache, Warn = warn });
        var recipe = Presets.Get(Preset);
        using var step = new WarmupStep(MethodCatalog.Of(recipe), backend, recipe);
        step.Prepare();
        backend.Synchronize();
        return (Stopwatch.GetElapsedTime(start), backend.Compilations);
    }
}
