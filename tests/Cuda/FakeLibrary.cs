using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using LDaeCore.Engine.Interop;
using LDaeCore.Tests.House;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// A library with every function that engine/Interop resolves, built by g++: calls succeed and do nothing, but the driver refuses every
/// cubin as made for a newer one, and the compiler does not find its builtins. It sees one GPU.
/// </summary>
internal static partial class FakeLibrary
{
    public const string CompilerLog = "nvrtc: error: failed to open libnvrtc-builtins.so.13.0.";

    private static readonly Lazy<string?> Built = new(Build);

    /// <summary>Puts copies of it into a folder; skips the test where g++ is missing.</summary>
    public static void Place(string folder, params ReadOnlySpan<string> names)
    {
        if (Built.Value is null)
        {
            Requirement.Missing(Requirement.Emulator, "g++ is not on the path");
        }

        Directory.CreateDirectory(folder);
        foreach (var name in names)
        {
            File.Copy(Built.Value!, Path.Combine(folder, name));
        }
    }

    /// <summary>The ranges that are open in a copy of it, outermost first.</summary>
    public static string OpenRanges(LoadedLibrary library) => Marshal.PtrToStringUTF8(library.Export("fakeRanges"))!;

    /// <summary>Sums over GPUs that a copy of it was asked for, and values in them.</summary>
    public static (int Sums, long Values) Summed(LoadedLibrary library) =>
        (Marshal.ReadInt32(library.Export("fakeSums")), Marshal.ReadInt64(library.Export("fakeSummed")));

    private static string? Build()
    {
        var folder = Directory.CreateTempSubdirectory("ldae-fake-").FullName;
        var source = Path.Combine(folder, "fake.cpp");
        File.WriteAllText(source, Source());
        try
        {
            using var compiler = Process.Start(new ProcessStartInfo("g++", ["-shared", "-fPIC", "-O0", "-o", "fake.so", source]) { WorkingDirectory = folder })!;
            compiler.WaitForExit();
            return compiler.ExitCode == 0 ? Path.Combine(folder, "fake.so") : throw new InvalidOperationException($"g++ does not compile {source}.");
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private static string Source()
    {
        var own = new Dictionary<string, string>
        {
            ["cuDriverGetVersion"] = "(int *version) { *version = 12020; return 0; }",
            ["cuDeviceGetCount"] = "(int *count) { *count = 1; return 0; }",
            ["cuDeviceGetName"] = "(char *name, int, int) { name[0] = 'F'; name[1] = 0; return 0; }",
            ["cuDeviceGetAttribute"] = "(int *value, int which, int) { *value = which == 75 ? 8 : which == 76 ? 0 : 1; return 0; }",
            ["cuModuleLoadData"] = "(void **, const void *) { return 200; }",
            ["nvrtcVersion"] = "(int *major, int *minor) { *major = 13; *minor = 0; return 0; }",
            ["nvrtcGetNumSupportedArchs"] = "(int *count) { *count = 1; return 0; }",
            ["nvrtcGetSupportedArchs"] = "(int *archs) { *archs = 80; return 0; }",
            ["nvrtcCompileProgram"] = "(void *, int, const char **) { return 7; }",
            ["nvrtcGetProgramLogSize"] = "(void *, unsigned long *size) { *size = sizeof(log); return 0; }",
            ["nvtxRangePushA"] = "(const char *name) { lengths[depth++] = length; if (length) fakeRanges[length++] = '/'; while (*name) fakeRanges[length++] = *name++; "
                + "fakeRanges[length] = 0; return depth - 1; }",
            ["nvtxRangePop"] = "() { length = lengths[--depth]; fakeRanges[length] = 0; return depth; }",
            ["ncclAllReduce"] = "(void *, void *, unsigned long count, int, int, void *, void *stream) { fakeSums++; fakeSummed += count; return stream == 0; }",
            ["nvrtcGetProgramLog"] = "(void *, char *to) { for (unsigned i = 0; i < sizeof(log); i++) to[i] = log[i]; return 0; }",
        };
        var names = RepositoryFiles.Below(["engine/Interop"], ".cs").SelectMany(path => Exported().Matches(RepositoryFiles.Read(path)))
            .Select(match => match.Groups["name"].Value)
            .Distinct();
        var text = new StringBuilder($"static const char log[] = \"{CompilerLog}\";\nstatic int length, depth, lengths[16];\nextern \"C\" {{\n");
        text.AppendLine("char fakeRanges[256];\nint fakeSums;\nlong fakeSummed;");
        foreach (var name in names)
        {
            var texts = name.EndsWith("String", StringComparison.Ordinal) && !name.StartsWith("cuGet", StringComparison.Ordinal);
            text.AppendLine(texts ? $"const char *{name}(int) {{ return \"a fake status\"; }}" : $"int {name}{own.GetValueOrDefault(name, "() { return 0; }")}");
        }

        return text.Append("}\n").ToString();
    }

    [GeneratedRegex(@"Export\(""(?<name>\w+)""\)")]
    private static partial Regex Exported();
}
