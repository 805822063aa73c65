using System.Globalization;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Runner;

/// <summary>The device a command computes on.</summary>
/// <param name="Kind">Which kind.</param>
/// <param name="Why">Why this one, when <c>auto</c> chose it; else null.</param>
internal sealed record DeviceChoice(DeviceKind Kind, string? Why)
{
    /// <summary>What <c>--device</c> takes.</summary>
    public const string Allowed = "reference, cpu, cuda, cuda:N, emulated or auto";

    private const string Cuda = "cuda", Emulated = "emulated";

    /// <summary>The name as <c>--device</c> takes it.</summary>
    public string Name => Kind switch
    {
        DeviceKind.Reference => "reference",
        DeviceKind.Cpu => "cpu",
        _ => throw new InvalidOperationException($"Nobody can ask for the device {Kind}."),
    };

    /// <summary>Finds the device that a name asks for. A named device never falls back to another.</summary>
    /// <param name="name">What <c>--device</c> says.</param>
    /// <exception cref="LdaeException">Configuration: no such name. Device: it is not available.</exception>
    public static DeviceChoice Resolve(string name) => name switch
    {
        "reference" => new DeviceChoice(DeviceKind.Reference, null),
        "cpu" => new DeviceChoice(DeviceKind.Cpu, null),
        "auto" => new DeviceChoice(DeviceKind.Cpu, "auto takes cpu: this version has no CUDA backend yet"),
        Cuda or Emulated => throw Missing(name),
        _ when name.StartsWith(Cuda + ":", StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(Cuda.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _) => throw Missing(name),
        _ => throw new LdaeException(ErrorKind.Configuration, $"--device {name} is not allowed: it takes {Allowed}.", "Use --device cpu."),
    };

    private static LdaeException Missing(string name) => new(
        ErrorKind.Device,
        $"The device {name} is not available: this version has no CUDA backend yet{(name == Emulated ? ", and so nothing to emulate" : "")}.",
        "Use --device cpu, which needs nothing installed, or a later version.");
}
