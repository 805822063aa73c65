using System.Numerics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace LDaeCore.Runner;

/// <summary>What the program runs on.</summary>
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

    /// <summary>Width of the vectors that portable code gets, in bits.</summary>
    public required int VectorBits { get; init; }

    /// <summary>Memory this process may use, in bytes.</summary>
    public required long MemoryBytes { get; init; }

    public static MachineFacts Read() => new()
    {
        Version = typeof(MachineFacts).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown",
        Runtime = RuntimeInformation.FrameworkDescription,
        System = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}",
        Processor = ProcessorName(),
        Cores = Environment.ProcessorCount,
        Simd = [.. Features().Where(feature => feature.IsThere).Select(feature => feature.Name)],
        VectorBits = Vector512.IsHardwareAccelerated ? 512 : Vector<byte>.Count * 8,
        MemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
    };

    private static (string Name, bool IsThere)[] Features() =>
    [
        ("sse4.2", Sse42.IsSupported),
        ("avx", Avx.IsSupported),
        ("avx2", Avx2.IsSupported),
        ("fma", Fma.IsSupported),
        ("avx512f", Avx512F.IsSupported),
        ("avx512bw", Avx512BW.IsSupported),
        ("avx512vbmi", Avx512Vbmi.IsSupported),
        ("neon", AdvSimd.IsSupported),
    ];

    private static string ProcessorName()
    {
        const string path = "/proc/cpuinfo", key = "model name";
        try
        {
            var line = File.Exists(path) ? File.ReadLines(path).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal)) : null;
            return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? "unknown processor";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "unknown processor";
        }
    }
}
