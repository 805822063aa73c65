using System.Reflection;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;
using LDaeCore.Runner;
using NUnit.Framework;

namespace LDaeCore.Tests.House;

/// <summary>The rules for layers, names and files, applied to this repository.</summary>
public sealed class HouseTests
{
    private static readonly string[] Product = ["engine", "model", "tools", "bench"];
    private static readonly string[] Everything = [.. Product, "tests"];

    private static IEnumerable<string> Projects => RepositoryFiles.Below(Everything, ".csproj");

    private static Assembly[] Assemblies => [typeof(LdaeException).Assembly, typeof(Recipe).Assembly, typeof(ExitCodes).Assembly, typeof(HouseTests).Assembly];

    [Test]
    public void Project_references_point_down() =>
        AssertNone(Projects.SelectMany(project => LayerRules.ProjectReferences(project, RepositoryFiles.Read(project))));

    [Test]
    public void Assembly_references_point_down() =>
        AssertNone(Assemblies.SelectMany(assembly =>
            LayerRules.AssemblyReferences(assembly.GetName().Name!, assembly.GetReferencedAssemblies().Select(name => name.Name!))));

    [Test]
    public void Every_project_has_a_lock_file() => AssertNone(LayerRules.MissingLocks(Projects, RepositoryFiles.Exists));

    [Test]
    public void The_runner_is_called_ldae()
    {
        const string Runner = "tools/ldae/LDaeCore.Runner.csproj";
        using (Assert.EnterMultipleScope())
        {
            Assert.That(LayerRules.AssemblyName(Runner, RepositoryFiles.Read(Runner)), Is.EqualTo("ldae"));
            Assert.That(typeof(ExitCodes).Assembly.GetName().Name, Is.EqualTo("ldae"));
        }
    }

    [Test]
    public void The_published_runner_has_the_fast_path() =>
        Assert.That(
            RepositoryFiles.Read("tools/ldae/LDaeCore.Runner.csproj"), Does.Contain("<IlcInstructionSet>x86-64-v3</IlcInstructionSet>"), "decision 0002");

    [Test]
    public void Native_functions_are_bound_in_interop_only() => Holds(SourceRules.NativeImports, Everything);

    [Test]
    public void Only_the_library_resolver_knows_the_emulated_device() => Holds(SourceRules.EmulatorNamed, Product);

    [Test]
    public void No_type_has_a_vague_name() => Holds(SourceRules.VagueNames, Everything);

    [Test]
    public void No_file_and_no_line_is_too_long() => Holds(SourceRules.Length, Everything);

    [Test]
    public void The_scans_see_the_whole_repository()
    {
        // A scan that finds no files, projects or types would pass every rule above.
        var declared = RepositoryFiles.Below(["engine", "model"], ".cs").SelectMany(path => SourceRules.Types(RepositoryFiles.Read(path))).Select(name => name.Text);
        var exported = Assemblies[..2].SelectMany(assembly => assembly.GetExportedTypes()).Select(type => type.Name.Split('`')[0]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(exported, Is.SubsetOf(declared));
            Assert.That(Projects.ToList(), Has.Count.GreaterThanOrEqualTo(5));
            Assert.That(RepositoryFiles.Below(["tests"], ".cs"), Does.Contain("tests/House/HouseTests.cs"));
        }
    }

    private static void Holds(Func<string, string, IEnumerable<string>> rule, string[] folders) =>
        AssertNone(RepositoryFiles.Below(folders, ".cs").SelectMany(path => rule(path, RepositoryFiles.Read(path))));

    private static void AssertNone(IEnumerable<string> violations)
    {
        var found = violations.ToList();
        Assert.That(found, Is.Empty, string.Join(Environment.NewLine, found));
    }
}
