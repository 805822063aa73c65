using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Interop;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>Compiled kernels on disk: what is damaged or cannot be written costs a compilation and a warning.</summary>
public sealed class CubinCacheTests : FolderPerTest
{
    private readonly List<string> _warnings = [];

    private static KernelSpecification Kernel => new("epilogue", [("LDAE_BF16", 1)], "sm_80");

    [SetUp]
    public void ForgetWarnings() => _warnings.Clear();

    [Test]
    public void What_was_kept_is_found_again()
    {
        var cache = Cache(Path.Combine(Folder.Path, "made", "on", "demand"));
        Assert.That(cache.Read("key"), Is.Null);
        cache.Write("key", [1, 2, 3]);
        Assert.That(cache.Read("key"), Is.EqualTo(new byte[] { 1, 2, 3 }));
        Assert.That(_warnings, Is.Empty);
        Assert.That(Directory.GetFiles(cache.Folder), Has.Length.EqualTo(1), "no temporary file is left");
    }

    [Test]
    public void A_truncated_cubin_is_never_used([Values(0, 5, 48, 100, 147)] int length)
    {
        var cache = Cache(Folder.Path);
        var image = Enumerable.Range(0, 100).Select(i => (byte)i).ToArray();
        cache.Write("key", image);
        var file = Directory.GetFiles(Folder.Path).Single();
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..length]);
        Assert.That(cache.Read("key"), Is.Null);
        Assert.That(_warnings, Has.Count.EqualTo(1).And.Some.Contains(file));
        cache.Write("key", image);
        Assert.That(cache.Read("key"), Is.EqualTo(image), "compiled again, it is kept again");
    }

    [Test]
    public void A_changed_byte_is_noticed([Values(3, 12, 20, 60)] int position)
    {
        var cache = Cache(Folder.Path);
        cache.Write("key", new byte[64]);
        var file = Directory.GetFiles(Folder.Path).Single();
        var bytes = File.ReadAllBytes(file);
        bytes[position] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.That(cache.Read("key"), Is.Null);
        Assert.That(_warnings, Has.Count.EqualTo(1));
    }

    [Test]
    public void A_folder_that_cannot_be_written_costs_a_warning()
    {
        // A file in the folder's place: not even an administrator can write into it.
        var place = Folder["file"];
        File.WriteAllText(place, "");
        var cache = Cache(Path.Combine(place, "cubins"));
        Assert.That(cache.Read("key"), Is.Null);
        cache.Write("key", [1]);
        Assert.That(cache.Read("key"), Is.Null);
        Assert.That(_warnings, Has.Some.Contains("cannot be kept").And.Some.Contains("LDAE_CACHE"));
    }

    [Test]
    public void The_key_depends_on_all_that_the_cubin_depends_on()
    {
        string[] keys =
        [
            CubinCache.Key(Kernel, "12.4"),
            CubinCache.Key(Kernel, "12.5"),
            CubinCache.Key(Kernel with { Architecture = "sm_90a" }, "12.4"),
            CubinCache.Key(Kernel with { Constants = [("LDAE_BF16", 0)] }, "12.4"),
            CubinCache.Key(Kernel with { Constants = [("LDAE_BF16", 1), ("BIAS_BF16", 1)] }, "12.4"),
            CubinCache.Key(Kernel with { Family = "gelu" }, "12.4"),
        ];
        Assert.That(keys, Is.Unique);
        Assert.That(CubinCache.Key(Kernel, "12.4"), Is.EqualTo(keys[0]));
    }

    [Test]
    public void Headers_are_part_of_a_source()
    {
        var headers = KernelSources.Headers(KernelSources.Family("epilogue")).Select(header => header.Name);
        Assert.That(headers, Does.Contain("common/portable.cuh").And.Contain("common/gelu.cuh"));
    }

    private CubinCache Cache(string folder) => new(folder, _warnings.Add);
}
