using System.Diagnostics;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Checkpoints;

/// <summary>What is in a file's place and is none: opening a named pipe would wait for a writer without end.</summary>
public sealed class InputFileTests : FolderPerTest
{
    [Test]
    public void A_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for()
    {
        var model = Pipe("model.safetensors");
        Refused(() => SafetensorsFile.Open(model).Dispose(), model);
        var link = Folder["link.safetensors"];
        File.CreateSymbolicLink(link, model);
        Refused(() => SafetensorsFile.Open(link).Dispose(), link);
        var shard = Pipe("shard.tar");
        Refused(() => ImageSourceFactory.Open($"tar:{shard}", train: true, 8, 0), shard);
        Directory.CreateDirectory(Path.Combine(Folder.Path, "train", "a"));
        var image = Pipe(Path.Combine("train", "a", "1.png"));
        Refused(() => FolderSource.Open(Folder.Path, train: true).Decode(0), image);
        var batch = Pipe("test_batch.bin");
        Refused(() => ImageSourceFactory.Open($"cifar10:{Folder.Path}", train: false, 32, 0), batch);
    }

    [Test]
    public void A_device_in_the_place_of_a_file_is_refused() => Refused(() => SafetensorsFile.Open("/dev/zero").Dispose(), "/dev/zero");

    private static void Refused(Action open, string path)
    {
        var opening = Task.Run(open);
        Assert.That(() => opening.Wait(TimeSpan.FromSeconds(10)), Throws.InstanceOf<AggregateException>(), path);
        var error = (LdaeException)opening.Exception!.InnerException!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Data));
        Assert.That(error.Message, Does.Contain(path));
    }

    private string Pipe(string name)
    {
        var path = Folder[name];
        using var process = Process.Start("mkfifo", [path]);
        process.WaitForExit();
        return path;
    }
}
