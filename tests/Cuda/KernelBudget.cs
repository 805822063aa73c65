using System.Text;
using System.Text.Json;
using LDaeCore.Tests.House;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// <c>kernels/budget.json</c>: registers, shared memory and stack that each kernel may take, by architecture and specialisation, as
/// NVRTC 12.4 compiles it. A change of the file is part of a review. LDAE_WRITE_BUDGET=1 writes it anew from what was compiled.
/// </summary>
internal sealed class KernelBudget
{
    public const string Path = "kernels/budget.json", WriteVariable = "LDAE_WRITE_BUDGET";

    private readonly SortedDictionary<string, SortedDictionary<string, KernelResources>> _kernels = new(StringComparer.Ordinal);

    /// <summary>The version of NVRTC that the numbers hold for.</summary>
    public static Version Compiler { get; } = new(12, 4);

    public static bool Writes => Environment.GetEnvironmentVariable(WriteVariable) == "1";

    /// <summary>All specialisations in the file.</summary>
    public IEnumerable<string> Specialisations => _kernels.Keys;

    public static KernelBudget Read()
    {
        var budget = new KernelBudget();
        if (!RepositoryFiles.Exists(Path))
        {
            return budget;
        }

        using var document = JsonDocument.Parse(RepositoryFiles.Read(Path));
        foreach (var specialisation in document.RootElement.EnumerateObject())
        {
            foreach (var kernel in specialisation.Value.EnumerateObject())
            {
                int Number(string name) => kernel.Value.GetProperty(name).GetInt32();
                budget.Set(specialisation.Name, kernel.Name, new KernelResources(Number("registers"), Number("shared"), Number("stack"), 0));
            }
        }

        return budget;
    }

    public KernelResources? Find(string specialisation, string kernel) =>
        _kernels.TryGetValue(specialisation, out var kernels) && kernels.TryGetValue(kernel, out var found) ? found : null;

    public IEnumerable<string> Kernels(string specialisation) => _kernels.TryGetValue(specialisation, out var kernels) ? kernels.Keys : [];

    public void Set(string specialisation, string kernel, KernelResources resources)
    {
        if (!_kernels.TryGetValue(specialisation, out var kernels))
        {
            _kernels.Add(specialisation, kernels = new SortedDictionary<string, KernelResources>(StringComparer.Ordinal));
        }

        kernels[kernel] = resources;
    }

    /// <summary>One line a kernel, so that a change shows as a line of a diff.</summary>
    public void Write()
    {
        var text = new StringBuilder("{\n");
        var blocks = _kernels.Select(specialisation =>
            $"  \"{specialisation.Key}\": {{\n"
            + string.Join(",\n", specialisation.Value.Select(kernel =>
                $"    \"{kernel.Key}\": {{ \"registers\": {kernel.Value.Registers}, \"shared\": {kernel.Value.SharedBytes}, \"stack\": {kernel.Value.StackBytes} }}"))
            + "\n  }");
        text.AppendJoin(",\n", blocks).Append("\n}\n");
        File.WriteAllText(System.IO.Path.Combine(RepositoryFiles.Root, Path), text.ToString());
    }
}
