using LDaeCore.Engine.Interop;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Checkpoints;

/// <summary>Names reach the disk where the system offers it; elsewhere nothing happens.</summary>
public sealed class FolderFlushTests
{
    [Test]
    public void A_folder_is_flushed_and_no_handle_stays_open()
    {
        using var folder = new TemporaryFolder();
        var before = Handles();
        for (var i = 0; i < 100; i++)
        {
            Assert.That(FolderFlush.Flush(folder.Path), Is.EqualTo(OperatingSystem.IsLinux()));
            Assert.That(FolderFlush.Flush(folder["missing"]), Is.False);
        }

        Assert.That(Handles(), Is.LessThan(before + 50), "other tests open some meanwhile");
    }

    private static int Handles() => Directory.Exists("/proc/self/fd") ? Directory.GetFiles("/proc/self/fd").Length : 0;
}
