using NUnit.Framework;

namespace LDaeCore.Tests.House;

/// <summary>The rules themselves, on texts that keep and texts that break them.</summary>
public sealed class SourceRulesTests
{
    private const string Native = "class C\n{\n    [DllImport(\"c\")]\n    static extern int getpid();\n}\n";

    [Test]
    public void An_import_outside_interop_is_found_with_its_line() =>
        Assert.That(SourceRules.NativeImports("model/Data/C.cs", Native), Is.EqualTo(new[] { "model/Data/C.cs:3: DllImport outside engine/Interop/" }));

    [Test]
    public void A_library_import_by_its_full_name_is_found() =>
        Assert.That(SourceRules.NativeImports("tools/C.cs", "[System.Runtime.InteropServices.LibraryImportAttribute(\"c\")]"), Is.Not.Empty);

    [TestCase("nint p = NativeLibrary.Load(\"c\");")]
    [TestCase("delegate* unmanaged<int, int> f;")]
    public void A_library_loaded_or_called_by_hand_is_found(string source) =>
        Assert.That(SourceRules.NativeImports("engine/Backends/C.cs", source).ToList(), Has.Count.EqualTo(1));

    [Test]
    public void Code_that_asks_for_the_emulated_device_is_found()
    {
        const string Asks = "if (device.Kind == DeviceKind.Emulated) { }";
        Assert.That(SourceRules.EmulatorNamed("engine/Backends/Cuda/CudaBackend.cs", Asks).ToList(), Has.Count.EqualTo(1));
        Assert.That(SourceRules.EmulatorNamed("engine/Interop/NativeLibraries.cs", Asks), Is.Empty);
        Assert.That(SourceRules.EmulatorNamed("engine/Backends/Cuda/CudaBackend.cs", "// real or emulated"), Is.Empty);
    }

    [TestCase("engine/Interop/C.cs", Native)]
    [TestCase("model/C.cs", "// no [DllImport] here\nvar s = \"DllImport\";")]
    public void An_import_in_interop_or_in_prose_is_fine(string path, string source) =>
        Assert.That(SourceRules.NativeImports(path, source), Is.Empty);

    [TestCase("internal static class FileUtils { }")]
    [TestCase("public class A { private sealed class StepHelper { } }")]
    [TestCase("interface IThing { }\nrecord RunManager(int X);")]
    [TestCase("struct MathUtil { }")]
    [TestCase("class Helpers<T> where T : struct { }")]
    public void A_vague_name_is_found(string source) =>
        Assert.That(SourceRules.VagueNames("engine/A.cs", source).ToList(), Has.Count.EqualTo(1));

    [TestCase("class Utilization { }")]
    [TestCase("// class FileHelper { }\nclass Worker { }")]
    [TestCase("class Pool { void M<T>() where T : class, IManager { } }")]
    public void Another_name_is_fine(string source) =>
        Assert.That(SourceRules.VagueNames("engine/A.cs", source), Is.Empty);

    [Test]
    public void A_file_or_a_line_is_too_long_from_one_past_the_limit()
    {
        static string Lines(int count, int columns) => string.Concat(Enumerable.Repeat(new string('/', columns) + "\n", count));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(SourceRules.Length("a.cs", Lines(SourceRules.MaxLines, SourceRules.MaxColumns)), Is.Empty);
            Assert.That(SourceRules.Length("a.cs", Lines(SourceRules.MaxLines + 1, 2)).ToList(), Has.Count.EqualTo(1));
            Assert.That(SourceRules.Length("a.cs", Lines(2, SourceRules.MaxColumns + 1)).ToList(), Has.Count.EqualTo(2));
        }
    }
}
