using System.Diagnostics;
using LDaeCore.Engine;
using LDaeCore.Tests.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.House;

/// <summary>The README's example is a program of its own that references the engine: it compiles, runs, and prints what the page says.</summary>
public sealed class ReadmeExampleTests
{
    private const string Heading = "## The engine from C#", Fence = "```";

    [Test]
    public void The_example_compiles_and_prints_what_the_page_says()
    {
        var page = RepositoryFiles.Read("README.md");
        var section = page[page.IndexOf(Heading, StringComparison.Ordinal)..];
        var code = section.Split(Fence)[1]["csharp".Length..];
        var statements = code.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.StartsWith("using LDaeCore", StringComparison.Ordinal) && line.Trim() is not ("{" or "}"));
        Assert.That(statements.Count(), Is.LessThanOrEqualTo(15));
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "Program.cs"), code);
        File.WriteAllText(
            Path.Combine(folder.Path, "Example.csproj"),
            $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <InvariantGlobalization>true</InvariantGlobalization>
              </PropertyGroup>
              <ItemGroup>
                <Reference Include="LDaeCore.Engine"><HintPath>{typeof(Session).Assembly.Location}</HintPath></Reference>
              </ItemGroup>
            </Project>
            """);
        var (exit, output) = Run(folder.Path);
        Assert.That(exit, Is.Zero, output);
        var printed = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1].Trim();
        Assert.That(section, Does.Contain($"It prints `{printed}`."));
    }

    private static (int Exit, string Output) Run(string folder)
    {
        var start = new ProcessStartInfo("dotnet", ["run", "--project", folder, "-c", "Release"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, process.ExitCode == 0 ? output : output + errors.Result);
    }
}
