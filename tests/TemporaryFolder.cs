using NUnit.Framework;

namespace LDaeCore.Tests;

/// <summary>An empty folder that is deleted with its contents when disposed.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("ldae-tests-").FullName;

    /// <summary>The path of a file or folder in it.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file; makes the folders of its path.</summary>
    public string Write(string name, byte[] content)
    {
        var path = this[name];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>A fixture whose tests have an empty folder each.</summary>
public abstract class FolderPerTest
{
    private TemporaryFolder? _folder;

    protected TemporaryFolder Folder => _folder ??= new TemporaryFolder();

    [TearDown]
    public void RemoveFolder()
    {
        _folder?.Dispose();
        _folder = null;
    }
}

/// <summary>A fixture whose tests share a folder.</summary>
public abstract class FolderPerFixture
{
    private TemporaryFolder? _folder;

    protected TemporaryFolder Folder => _folder ??= new TemporaryFolder();

    [OneTimeTearDown]
    public void RemoveFolder() => _folder?.Dispose();
}
