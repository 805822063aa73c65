using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner;

/// <summary>A pretraining run of a command: with progress on the screen, the data set's name saved for resuming, and a report even when it fails.</summary>
internal static class PretrainingWork
{
    /// <summary>Trains.</summary>
    public static RunResult Run(
        Recipe recipe, string data, IBackend backend, RunFolder folder, int? threads, BadSamples bad, RunnerContext context, RunLog log,
        FittedTokenizer? tokenizer = null, JoinedGroup? group = null)
    {
        var source = ImageSourceFactory.Open(data, train: true, recipe.Data.ImageSize, recipe.Train.Seed, recipe.Data.ShardMegabytes);
        ResumedRun.KeepData(folder, data);
        log.Line($"{Wording.Count(source.Count, "training image")}, {Wording.Count(source.ClassNames.Count, "class", "classes")}: {source.Name}");
        var processes = group?.With(backend) ?? SingleProcess.Instance;
        using var gpus = processes as NcclCommunicator;
        using var progress = context.Output.StartProgress();
        var kept = false;
        var pictures = new TrainingPictures(source, folder.Path, log.Line);
        var pretraining = new Pretraining(new RunOptions(recipe, backend, source, folder.Path)
        {
            Group = processes,
            Resume = folder.HoldsRun,
            SameExperiment = true,
            Fitted = tokenizer,
            LoaderThreads = MachineFacts.Threads(threads),
            Bad = bad,
            MemoryBytes = group?.MemoryBytes ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            OnStep = (step, total, result, speed, eta) =>
            {
                progress.Report(step, total, result.Loss, speed, eta);
                KeepAlgorithms();
            },
            OnLine = log.Line,
            Hooks = [new RunPictures(pictures.Draw)],
            Cancellation = context.Cancellation,
        });
        try
        {
            return pretraining.Run();
        }
        catch (LdaeException error) when (error.Kind == ErrorKind.Run)
        {
            // The other processes end meanwhile.
            group?.Abort(error);
            RunReport.TryWrite(folder.Path, $"l-DAE pretraining: {Path.GetFileName(folder.Path)}", error.Message);
            throw;
        }

        // The first step has chosen all algorithms; a run that is killed later resumes with the same.
        void KeepAlgorithms()
        {
            if (!kept && backend is CudaBackend cuda)
            {
                cuda.WriteAlgorithms(folder.AlgorithmsPath);
                kept = true;
            }
        }
    }

    /// <summary>Adds the fields of every training command.</summary>
    public static CommandResult Describe(CommandResult result, RunResult trained, RunFolder folder, DeviceChoice device, IBackend backend, BadSamples bad) => result
        .Add("run", folder.Path)
        .Add("device", device.Name)
        .Add("steps", trained.Steps)
        .Add("loss", trained.Last?.Loss ?? double.NaN)
        .Add("images_per_second", Math.Round(trained.ImagesPerSecond, 2))
        .Add("peak_memory_bytes", MachineFacts.PeakMemory(backend))
        .Add("planned_memory_bytes", trained.PlannedBytes)
        .Add("bad_samples", bad.Count)
        .Add("seconds", Math.Round(trained.Seconds, 2));
}
