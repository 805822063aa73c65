using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Distributed;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae doctor</c>: describes the machine and checks that a device works.</summary>
internal static class DoctorCommand
{
    public const string Name = "doctor";

    public static RunnerCommand Create(RunnerHost host)
    {
        var device = SharedOptions.Device();
        var timings = new Option<bool>("--timings") { Description = "Print the time of each part." };
        var command = new RunnerCommand(
            Name,
            "Describes the machine, and runs one small product and one kernel on a device; exit code 0 only when they are right.",
            "",
            "--device cuda --timings",
            "--json")
        {
            device,
            timings,
        };
        command.SetAction(parse => host.Execute(Name, parse, context =>
            Run(new DoctorOptions(parse.GetRequiredValue(device), parse.GetValue(timings)), context)));
        return command;
    }

    /// <summary>Runs the command.</summary>
    public static CommandResult Run(DoctorOptions options, RunnerContext context)
    {
        var start = Stopwatch.GetTimestamp();
        using var process = Process.GetCurrentProcess();
        var startup = DateTime.Now - process.StartTime;
        var machine = MachineFacts.Read();
        var read = Stopwatch.GetElapsedTime(start);
        Describe(machine, context.Output);

        var libraries = CudaLibraryReport.OfThisMachine();
        Describe(libraries, context.Output);
        var mpi = MpiCommunicator.Describe();
        context.Output.Line($"Open MPI    {(mpi.Problem is null ? $"{mpi.Version} at {mpi.Path}" : mpi.Problem)}");
        if (mpi.Problem is not null)
        {
            context.Output.Line($"            {mpi.Remedy}");
        }

        var looked = Stopwatch.GetTimestamp();
        var device = DeviceChoice.Resolve(options.Device);
        var opened = Stopwatch.GetElapsedTime(looked);
        context.Output.Line($"device      {device.Name}{(device.Why is { } why ? $" ({why})" : "")}");
        context.Output.Line($"products    {(device.Gpu is null ? CpuBackend.MatrixPath : "cuBLASLt")}");
        var smoked = Stopwatch.GetTimestamp();
        using var backend = device.Open(null, warn: context.Output.Line);
        var error = SmokeProduct.RelativeError(backend);
        var kernel = SmokeKernel.RelativeError(backend);
        var smoke = Stopwatch.GetElapsedTime(smoked);
        Describe(backend as CudaBackend, context.Output);
        context.Output.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"smoke       a product of {SmokeProduct.Rows} x {SmokeProduct.Inner} x {SmokeProduct.Columns}: relative error {error:0.0e+0}; a kernel on {SmokeKernel.Count:N0} "
                + $"values: {kernel:0.0e+0}"));

        process.Refresh();
        var result = new CommandResult()
            .Add("command", Name)
            .Add("device", device.Name)
            .Add("why", device.Why)
            .Add("version", machine.Version)
            .Add("runtime", machine.Runtime)
            .Add("system", machine.System)
            .Add("processor", machine.Processor)
            .Add("cores", machine.Cores)
            .Add("simd", machine.Simd)
            .Add("simd_unused", machine.UnusedSimd)
            .Add("memory_bytes", machine.MemoryBytes)
            .Add("libraries", Listed(libraries))
            .Add("mpi", new CommandResult()
                .Add("path", mpi.Path)
                .Add("version", mpi.Version)
                .Add("problem", mpi.Problem)
                .Add("remedy", mpi.Problem is null ? null : mpi.Remedy))
            .Add("gpu", device.Gpu?.Name)
            .Add("cache", (backend as CudaBackend)?.Cache)
            .Add("smoke_error", error)
            .Add("kernel_error", kernel)
            .Add("peak_memory_bytes", process.PeakWorkingSet64)
            .Add("seconds", Stopwatch.GetElapsedTime(start).TotalSeconds);
        if (!options.Timings)
        {
            return result;
        }

        (string, TimeSpan)[] timings = [("startup", startup), ("machine", read), ("libraries", opened), ("smoke", smoke)];
        return WithTimings(result, context.Output, device.Gpu is { } gpu ? [.. timings, .. Starts(gpu, context.Output)] : timings);
    }

    /// <summary>Time to load a training step's kernels, without and with a cache of compiled ones.</summary>
    private static (string, TimeSpan)[] Starts(CudaDevice gpu, RunnerOutput output)
    {
        var (cold, warm, kernels) = StartTimings.Measure(gpu, output.Line);
        output.Line($"starts      {kernels} kernel families of a step of {StartTimings.Preset}, on {Environment.ProcessorCount} threads; cold compiles them, warm reads the cache");
        return [("cold_start", cold), ("warm_start", warm)];
    }

    private static void Describe(MachineFacts machine, RunnerOutput output)
    {
        output.Line($"ldae        {machine.Version} on {machine.Runtime}");
        output.Line($"system      {machine.System}");
        output.Line($"processor   {machine.Processor}, {machine.Cores} cores to use");
        output.Line($"simd        {(machine.Simd.Count > 0 ? string.Join(", ", machine.Simd) : "none")}; vectors of {machine.VectorBits} bits");
        if (machine.UnusedSimd.Count > 0)
        {
            output.Line($"            the processor also has {string.Join(", ", machine.UnusedSimd)}, which this build does not use; dotnet ldae.dll does");
        }

        output.Line(string.Create(CultureInfo.InvariantCulture, $"memory      {machine.MemoryBytes / (double)(1 << 30):F1} GiB to use"));
    }

    private static void Describe(IReadOnlyList<CudaLibraryReport> libraries, RunnerOutput output)
    {
        foreach (var library in libraries)
        {
            output.Line($"{library.Title,-11} {(library.Problem is null ? $"{library.Version} at {library.Path}" : library.Problem)}");
            if (library.Problem is not null)
            {
                output.Line($"            {library.Remedy}");
            }
        }
    }

    private static void Describe(CudaBackend? backend, RunnerOutput output)
    {
        if (backend is { Device: var gpu })
        {
            output.Line(string.Create(
                CultureInfo.InvariantCulture,
                $"gpu         {gpu.Name}: compute capability {gpu.Capability / 10}.{gpu.Capability % 10}, {gpu.Multiprocessors} multiprocessors, "
                    + $"{gpu.MemoryBytes / (double)(1 << 30):F1} GiB"));
            output.Line($"caches      {Caches(backend)}; kernel families compiled now: {backend.Compilations}");
        }
    }

    /// <summary>The cache of compiled kernels: its folder, its content, and whether it can be written.</summary>
    private static string Caches(CudaBackend backend)
    {
        var cubins = new DirectoryInfo(Path.Combine(backend.Cache, CudaBackend.CubinFolder));
        var files = cubins.Exists ? cubins.GetFiles("*.cubin") : [];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{backend.Cache}: {files.Length} compiled families, {files.Sum(file => file.Length) / 1e6:F1} "
                + $"MB{(CanWrite(backend.Cache) ? "" : "; it cannot be written, set LDAE_CACHE")}");
    }

    private static bool CanWrite(string folder)
    {
        var file = Path.Combine(folder, $"doctor.{Environment.ProcessId}");
        try
        {
            Directory.CreateDirectory(folder);
            File.WriteAllBytes(file, []);
            File.Delete(file);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static CommandResult[] Listed(IReadOnlyList<CudaLibraryReport> libraries) =>
        [.. libraries.Select(library => new CommandResult()
            .Add("name", library.Title)
            .Add("path", library.Path)
            .Add("version", library.Version)
            .Add("problem", library.Problem)
            .Add("remedy", library.Problem is null ? null : library.Remedy))];

    private static CommandResult WithTimings(CommandResult result, RunnerOutput output, params (string Name, TimeSpan Time)[] timings)
    {
        var values = new CommandResult();
        foreach (var (name, time) in timings)
        {
            output.Line(string.Create(CultureInfo.InvariantCulture, $"{name,-11} {time.TotalMilliseconds:F1} ms"));
            values.Add(name, time.TotalSeconds);
        }

        return result.Add("timings", values);
    }
}

/// <summary>Options of doctor.</summary>
/// <param name="Device">The value of --device; doctor itself reports when it is missing.</param>
/// <param name="Timings">Whether to print the time of each part.</param>
internal sealed record DoctorOptions(
    string Device,
    bool Timings);
