using System.Globalization;
using System.Text.RegularExpressions;

namespace LDaeCore.Tests.Cuda;

/// <summary>What one compiled kernel takes, as ptxas reports it.</summary>
/// <param name="Registers">A thread.</param>
/// <param name="SharedBytes">Static shared memory of a block; what a launch asks for comes on top.</param>
/// <param name="StackBytes">Local memory of a thread: arrays that found no registers.</param>
/// <param name="SpillBytes">Stores and loads of registers that did not fit.</param>
internal sealed partial record KernelResources(int Registers, int SharedBytes, int StackBytes, int SpillBytes)
{
    /// <summary>Reads the report that <c>--ptxas-options=-v</c> leaves in the compiler's log.</summary>
    public static IReadOnlyDictionary<string, KernelResources> Parse(string log)
    {
        var found = new SortedDictionary<string, KernelResources>(StringComparer.Ordinal);
        foreach (Match match in Report().Matches(log))
        {
            int Number(string group) => match.Groups[group].Success ? int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture) : 0;
            found[match.Groups["name"].Value] = new KernelResources(
                Number("registers"), Number("shared"), Number("stack"), Number("stores") + Number("loads"));
        }

        return found;
    }

    [GeneratedRegex(
        @"Compiling entry function '(?<name>\w+)'.*?(?<stack>\d+) bytes stack frame, (?<stores>\d+) bytes spill stores, (?<loads>\d+) bytes spill loads"
        + @".*?Used (?<registers>\d+) registers(?:[^\n]*? (?<shared>\d+)(?:\+\d+)? bytes smem)?",
        RegexOptions.Singleline)]
    private static partial Regex Report();
}
