using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LDaeCore.Tests.Recorded;

/// <summary>
/// What the bits of a training depend on beside the program: how the processor's vectors multiply, add and sum, how the C library rounds exponentials,
/// powers and sines, and, on the emulated device, the compiler of the kernels. Nothing in the engine uses vectors of more than 256 bits, and no sum
/// depends on the number of threads.
/// </summary>
internal static class Arithmetic
{
    /// <summary>The facts for the processor's own backend.</summary>
    public static string Cpu { get; } = $"{RuntimeInformation.ProcessArchitecture}, {(Fma.IsSupported ? "FMA" : "no FMA")}, functions {Fingerprint():x8}";

    /// <summary>The facts for the emulated device, whose host computes too.</summary>
    public static string Emulated { get; } = $"{Cpu}, {Compiler()}";

    /// <summary>FNV-1a over values of the functions that IEEE 754 does not define to the last bit.</summary>
    private static uint Fingerprint()
    {
        var hash = 2166136261;
        void Add(ulong bits)
        {
            for (var shift = 0; shift < 64; shift += 8)
            {
                hash = (hash ^ (byte)(bits >> shift)) * 16777619;
            }
        }

        void Both(double x, float y)
        {
            Add(BitConverter.DoubleToUInt64Bits(x));
            Add(BitConverter.SingleToUInt32Bits(y));
        }

        for (var i = 1; i <= 4096; i++)
        {
            var (x, y) = (i * 0.00317, i * 0.00317f);
            Both(Math.Exp(-x), MathF.Exp(-y));
            Both(Math.Log(x), MathF.Log(y));
            Both(Math.Sin(x), MathF.Sin(y));
            Both(Math.Cos(x), MathF.Cos(y));
            Both(Math.Tanh(x), MathF.Tanh(y));
            Both(Math.Pow(10000, -x / 13), MathF.Pow(0.999f, i));
            var vector = Vector256.Create(y, y / 3, y / 7, -y / 11, y / 13, -y / 17, y / 19, y / 23);
            Both(0, Vector256.Sum(Vector256.MultiplyAddEstimate(vector, vector, Vector256.Create(-y))));
        }

        return hash;
    }

    private static string Compiler()
    {
        var name = Environment.GetEnvironmentVariable("LDAE_CXX") is { Length: > 0 } named ? named : "g++";
        var flags = Environment.GetEnvironmentVariable("LDAE_EMULATOR_CXXFLAGS");
        try
        {
            using var process = Process.Start(new ProcessStartInfo(name, "--version") { RedirectStandardOutput = true })!;
            var version = process.StandardOutput.ReadToEnd().Split('\n')[0];
            process.WaitForExit();
            return string.IsNullOrEmpty(flags) ? version : $"{version} {flags}";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "no compiler";
        }
    }
}
