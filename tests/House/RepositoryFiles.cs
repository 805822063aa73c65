namespace LDaeCore.Tests.House;

/// <summary>The repository's own files, under paths relative to its root with forward slashes.</summary>
internal static class RepositoryFiles
{
    private static readonly string[] Generated = ["bin", "obj", "runs", "artifacts", "TestResults", "node_modules", "__pycache__"];

    /// <summary>The folder of LDaeCore.sln, found by walking up from the test assembly.</summary>
    public static string Root { get; } = FindRoot(AppContext.BaseDirectory);

    /// <summary>All files with one extension below some top folders, build outputs and hidden folders left out.</summary>
    public static IEnumerable<string> Below(IEnumerable<string> folders, string extension) =>
        folders.Select(folder => new DirectoryInfo(Path.Combine(Root, folder)))
            .Where(folder => folder.Exists)
            .SelectMany(folder => Walk(folder, extension))
            .Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/'))
            .Order(StringComparer.Ordinal);

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    public static bool Exists(string path) => File.Exists(Path.Combine(Root, path));

    /// <summary>The first folder from here upwards that holds LDaeCore.sln.</summary>
    public static string FindRoot(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "LDaeCore.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No folder from {start} upwards holds LDaeCore.sln.");
    }

    private static IEnumerable<string> Walk(DirectoryInfo folder, string extension) =>
        folder.EnumerateFiles("*" + extension).Select(file => file.FullName).Concat(
            folder.EnumerateDirectories()
                .Where(child => !Generated.Contains(child.Name) && !child.Name.StartsWith('.'))
                .SelectMany(child => Walk(child, extension)));
}
