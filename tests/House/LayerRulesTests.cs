using NUnit.Framework;

namespace LDaeCore.Tests.House;

/// <summary>The layer rules on projects that keep and projects that break them.</summary>
public sealed class LayerRulesTests
{
    private static string Project(string reference) => $"<Project><ItemGroup><ProjectReference Include=\"{reference}\" /></ItemGroup></Project>";

    [TestCase("engine/E.csproj", "../model/M.csproj")]
    [TestCase("engine/E.csproj", "..\\tools\\ldae\\R.csproj")]
    [TestCase("model/M.csproj", "../tools/ldae/R.csproj")]
    [TestCase("bench/B.csproj", "../tools/ldae/R.csproj")]
    [TestCase("tools/ldae/R.csproj", "../../tests/T.csproj")]
    [TestCase("model/M.csproj", "../elsewhere/X.csproj")]
    public void A_project_reference_sideways_up_or_out_is_found(string path, string reference) =>
        Assert.That(LayerRules.ProjectReferences(path, Project(reference)).ToList(), Has.Count.EqualTo(1));

    [TestCase("model/M.csproj", "../engine/E.csproj")]
    [TestCase("tools/ldae/R.csproj", "../../model/M.csproj")]
    [TestCase("tests/T.csproj", "../bench/B.csproj")]
    public void A_project_reference_down_is_fine(string path, string reference) =>
        Assert.That(LayerRules.ProjectReferences(path, Project(reference)), Is.Empty);

    [TestCase("LDaeCore.Engine", "LDaeCore.Model")]
    [TestCase("LDaeCore.Model", "ldae")]
    public void An_assembly_reference_up_is_found(string assembly, string reference) =>
        Assert.That(LayerRules.AssemblyReferences(assembly, ["System.Runtime", reference]), Is.EqualTo(new[] { $"{assembly} references {reference}" }));

    [Test]
    public void A_missing_lock_file_is_found() =>
        Assert.That(
            LayerRules.MissingLocks(["engine/E.csproj", "model/M.csproj"], file => file == "engine/packages.lock.json"),
            Is.EqualTo(new[] { "model/packages.lock.json is missing: dotnet restore writes it; commit it" }));

    [Test]
    public void An_assembly_is_named_by_its_property_or_its_file()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(LayerRules.AssemblyName("a/B.csproj", "<Project />"), Is.EqualTo("B"));
            Assert.That(LayerRules.AssemblyName("a/B.csproj", "<Project><PropertyGroup><AssemblyName>c</AssemblyName></PropertyGroup></Project>"), Is.EqualTo("c"));
        }
    }
}
