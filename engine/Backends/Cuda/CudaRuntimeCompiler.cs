using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// Compiles a kernel family for an architecture by NVRTC: one family with one set of constants is one cubin. Headers are given
/// by name, so an error names the file and line of the source in this repository.
/// </summary>
/// <param name="nvrtc">The compiler.</param>
internal sealed class CudaRuntimeCompiler(Nvrtc nvrtc)
{
    /// <summary>The compiler's version.</summary>
    public Version Version => nvrtc.Version;

    /// <summary>
    /// What to compile for on a GPU: its own architecture as machine code when the compiler knows it, else that of an older sibling
    /// (same major number, which runs the same code), else PTX of the newest the compiler knows, which the driver finishes.
    /// </summary>
    /// <param name="capability">10 major + minor.</param>
    /// <returns>Such as sm_90a or compute_120.</returns>
    /// <exception cref="LdaeException">Device: the compiler no longer knows the GPU.</exception>
    public string Architecture(int capability)
    {
        var known = nvrtc.Architectures;
        var sibling = known.Where(a => a / 10 == capability / 10 && a <= capability).DefaultIfEmpty(0).Max();
        if (sibling == capability || (sibling != 0 && known.Max() / 10 > capability / 10))
        {
            // 90a and 100a have instructions that their plain forms lack; code for an "a" runs on exactly that capability.
            return string.Create(CultureInfo.InvariantCulture, $"sm_{sibling}{(sibling == capability && capability is 90 or 100 ? "a" : "")}");
        }

        return known.Count > 0 && capability > known.Max()
            ? string.Create(CultureInfo.InvariantCulture, $"compute_{known.Max()}")
            : throw new LdaeException(
                ErrorKind.Device,
                string.Create(
                    CultureInfo.InvariantCulture, $"NVRTC {Version} at {nvrtc.Library.Path} does not compile for compute capability {capability / 10}.{capability % 10}."),
                nvrtc.Library.Remedy);
    }

    /// <summary>Compiles.</summary>
    /// <param name="kernel">What.</param>
    /// <exception cref="LdaeException">Run: an error in the source; the compiler's log is in the message.</exception>
    public CompiledKernels Compile(KernelSpecification kernel)
    {
        var source = KernelSources.Family(kernel.Family);
        var wantsPtx = kernel.Architecture.StartsWith("compute_", StringComparison.Ordinal);
        var (image, log) = nvrtc.Compile(kernel.FileName, source, KernelSources.Headers(source), Options(kernel), wantsPtx);
        return new CompiledKernels(image, log);
    }

    /// <summary>The compiler's options for a specification.</summary>
    /// <param name="kernel">What is compiled.</param>
    public static IReadOnlyList<string> Options(KernelSpecification kernel)
    {
        List<string> options = [$"--gpu-architecture={kernel.Architecture}", "--std=c++17", "--ptxas-options=-v"];
        if (kernel.Architecture.StartsWith("compute_", StringComparison.Ordinal))
        {
            options.Remove("--ptxas-options=-v");
        }

        foreach (var (name, value) in kernel.Constants)
        {
            options.Add(string.Create(CultureInfo.InvariantCulture, $"-D{name}={value}"));
        }

        return options;
    }
}
