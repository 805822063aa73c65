using System.Diagnostics;
using LDaeCore.Engine;
using NUnit.Framework;

namespace LDaeCore.Tests.House;

/// <summary>
/// The engine and the model as NuGet packages: a project that has nothing but these packages compiles and runs the programs of README.md and model/README.md.
/// </summary>
public sealed class PackageTests : FolderPerFixture
{
    private const string Version = "0.0.0-test";

    [OneTimeSetUp]
    public void Pack()
    {
        var configuration = typeof(Session).Assembly.Location.Contains("/Debug/", StringComparison.Ordinal) ? "Debug" : "Release";
        foreach (var project in new[] { "engine", "model" })
        {
            var (exit, output) = DotNet(
                "pack", Path.Combine(RepositoryFiles.Root, project), "-c", configuration, "--no-build", "--nologo", "-o", Folder["packages"],
                $"-p:Version={Version}");
            Assert.That(exit, Is.Zero, output);
        }
    }

    [Test]
    public void The_engine_runs_the_program_of_the_readme()
    {
        var page = RepositoryFiles.Read("README.md");
        var section = page[page.IndexOf("## The engine from C#", StringComparison.Ordinal)..];
        var code = CodeOf(section);
        var statements = code.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => !line.StartsWith("using LDaeCore", StringComparison.Ordinal) && line.Trim() is not ("{" or "}"));
        Assert.That(statements.Count(), Is.LessThanOrEqualTo(15));
        Assert.That(section, Does.Contain($"It prints `{Run("engine", "LDaeCore.Engine", code)}`."));
    }

    [Test]
    public void The_model_probes_a_checkpoint()
    {
        var printed = Run(
            "model", "LDaeCore.Model", CodeOf(RepositoryFiles.Read("model/README.md")), Path.Combine(RepositoryFiles.Root, "tests/goldens/recorded/run"), "synthetic:120");
        Assert.That(printed, Does.Match(@"^top-1 \d+\.\d\d %$"));
    }

    private static string CodeOf(string text) => text.Split("```")[1]["csharp".Length..];

    /// <summary>Makes a project of one package and one program; returns the last line that it prints.</summary>
    private string Run(string name, string package, string code, params string[] arguments)
    {
        Folder.Write($"{name}/Program.cs", System.Text.Encoding.UTF8.GetBytes(code));

        // Packages of others come from where this project's own restore has put them; nothing is written beside them.
        var project = Folder.Write($"{name}/Example.csproj", System.Text.Encoding.UTF8.GetBytes(
            $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <InvariantGlobalization>true</InvariantGlobalization>
                <RestoreSources>{Folder["packages"]}</RestoreSources>
                <RestorePackagesPath>{Folder["restored"]}</RestorePackagesPath>
                <RestoreFallbackFolders>{PackagesFolder()}</RestoreFallbackFolders>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="{package}" Version="{Version}" />
              </ItemGroup>
            </Project>
            """));
        var (exit, output) = DotNet(["run", "--project", project, "-c", "Release", "--", .. arguments]);
        Assert.That(exit, Is.Zero, output);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1].Trim();
    }

    private static string PackagesFolder() =>
        Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private static (int Exit, string Output) DotNet(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, process.ExitCode == 0 ? output : output + errors.Result);
    }
}
