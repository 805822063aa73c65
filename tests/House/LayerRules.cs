using System.Xml.Linq;

namespace LDaeCore.Tests.House;

/// <summary>
/// The order of the projects: tests above tools and bench, those above model, model above engine. References point strictly
/// downwards. A project's layer is the top folder it lives in.
/// </summary>
internal static class LayerRules
{
    private static readonly Dictionary<string, int> Heights = new(StringComparer.Ordinal)
    {
        ["engine"] = 0,
        ["model"] = 1,
        ["tools"] = 2,
        ["bench"] = 2,
        ["tests"] = 3,
    };

    private static readonly Dictionary<string, string> Homes = new(StringComparer.Ordinal)
    {
        ["LDaeCore.Engine"] = "engine",
        ["LDaeCore.Model"] = "model",
        ["ldae"] = "tools",
        ["LDaeCore.Bench"] = "bench",
        ["LDaeCore.Tests"] = "tests",
    };

    /// <summary>Project references that do not point down.</summary>
    /// <param name="path">Of the project file, relative to the repository.</param>
    /// <param name="project">Its text.</param>
    public static IEnumerable<string> ProjectReferences(string path, string project)
    {
        var folder = Path.GetDirectoryName(path)!;
        return XDocument.Parse(project).Descendants("ProjectReference")
            .Select(reference => Normalize(Path.Combine(folder, reference.Attribute("Include")!.Value.Replace('\\', '/'))))
            .Where(target => !PointsDown(Layer(path), Layer(target)))
            .Select(target => $"{path} references {target}: arrows point one way, tests -> tools, bench -> model -> engine");
    }

    /// <summary>References of a compiled assembly to the repository's other assemblies that do not point down.</summary>
    public static IEnumerable<string> AssemblyReferences(string assembly, IEnumerable<string> references) =>
        references.Where(Homes.ContainsKey)
            .Where(reference => !PointsDown(Homes[assembly], Homes[reference]))
            .Select(reference => $"{assembly} references {reference}");

    /// <summary>Project files without a lock file beside them.</summary>
    public static IEnumerable<string> MissingLocks(IEnumerable<string> projects, Func<string, bool> exists) =>
        projects.Select(project => Path.GetDirectoryName(project) + "/packages.lock.json")
            .Where(file => !exists(file))
            .Select(file => $"{file} is missing: dotnet restore writes it; commit it");

    /// <summary>The name of the assembly that a project file makes: as written, else the file's own.</summary>
    public static string AssemblyName(string path, string project) =>
        XDocument.Parse(project).Descendants("AssemblyName").LastOrDefault()?.Value ?? Path.GetFileNameWithoutExtension(path);

    private static bool PointsDown(string from, string to) =>
        Heights.TryGetValue(from, out var high) && Heights.TryGetValue(to, out var low) && low < high;

    private static string Layer(string path) => path.Split('/')[0];

    private static string Normalize(string path) => Path.GetRelativePath("/", Path.GetFullPath(path, "/"));
}
