using System.Globalization;
using System.Numerics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using LDaeCore.Engine.Backends;

namespace LDaeCore.Runner;

/// <summary>Facts about the machine and the runtime.</summary>
internal sealed record MachineFacts
{
    /// <summary>This program's version.</summary>
    public required string Version { get; init; }

    /// <summary>The .NET runtime's name and version.</summary>
    public required string Runtime { get; init; }

    /// <summary>The operating system and processor architecture.</summary>
    public required string System { get; init; }

    /// <summary>The processor's name.</summary>
    public required string Processor { get; init; }

    /// <summary>Logical cores this process may use.</summary>
    public required int Cores { get; init; }

    /// <summary>Vector instructions that this process uses.</summary>
    public required IReadOnlyList<string> Simd { get; init; }

    /// <summary>Vector instructions that the processor has and this process does not use: a native build fixes them when it is built.</summary>
    public required IReadOnlyList<string> UnusedSimd { get; init; }

    /// <summary>Width of the vectors of portable code, in bits.</summary>
    public required int VectorBits { get; init; }

    /// <summary>Memory this process may use, in bytes.</summary>
    public required long MemoryBytes { get; init; }

    public static MachineFacts Read()
    {
        var cpu = CpuInfo();
        var flags = cpu.GetValueOrDefault("flags", "").Split(' ');
        var features = Features();
        return new MachineFacts
        {
            Version = typeof(MachineFacts).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown",
            Runtime = RuntimeInformation.FrameworkDescription,
            System = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}",
            Processor = cpu.GetValueOrDefault("model name", "unknown processor"),
            Cores = Environment.ProcessorCount,
            Simd = [.. features.Where(feature => feature.IsUsed).Select(feature => feature.Name)],
            UnusedSimd = [.. features.Where(feature => !feature.IsUsed && flags.Contains(feature.Flag)).Select(feature => feature.Name)],
            VectorBits = Vector512.IsHardwareAccelerated ? 512 : Vector<byte>.Count * 8,
            MemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        };
    }

    /// <summary>Threads to compute or decode with: the given number, at most one a core.</summary>
    public static int Threads(int? asked) => Math.Min(asked ?? Environment.ProcessorCount, Environment.ProcessorCount);

    /// <summary>Peak memory in bytes: the device's own where it has some, else the peak resident set of the process.</summary>
    public static long PeakMemory(IBackend backend)
    {
        if (backend is IDeviceBackend device)
        {
            return device.PeakBytes;
        }

        // The kernel's own high-water mark; the runtime's figure is sampled.
        const string file = "/proc/self/status", field = "VmHWM:";
        var line = File.Exists(file) ? File.ReadLines(file).FirstOrDefault(l => l.StartsWith(field, StringComparison.Ordinal)) : null;
        return line is null ? Environment.WorkingSet : 1024 * long.Parse(line.AsSpan(field.Length).Trim(" \tkB"), CultureInfo.InvariantCulture);
    }

    private static (string Name, string Flag, bool IsUsed)[] Features() =>
    [
        ("sse4.2", "sse4_2", Sse42.IsSupported),
        ("avx", "avx", Avx.IsSupported),
        ("avx2", "avx2", Avx2.IsSupported),
        ("fma", "fma", Fma.IsSupported),
        ("avx512f", "avx512f", Avx512F.IsSupported),
        ("avx512bw", "avx512bw", Avx512BW.IsSupported),
        ("avx512vbmi", "avx512vbmi", Avx512Vbmi.IsSupported),
        ("neon", "asimd", AdvSimd.IsSupported),
    ];

    /// <summary>The first processor of Linux's list; empty elsewhere.</summary>
    private static Dictionary<string, string> CpuInfo()
    {
        const string path = "/proc/cpuinfo";
        var facts = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            foreach (var line in File.Exists(path) ? File.ReadLines(path).TakeWhile(line => line.Length > 0) : [])
            {
                var split = line.IndexOf(':', StringComparison.Ordinal);
                if (split > 0)
                {
                    facts[line[..split].Trim()] = line[(split + 1)..].Trim();
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The processor's description is not readable.
        }

        return facts;
    }
}
