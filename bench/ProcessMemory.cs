using System.Globalization;

namespace LDaeCore.Bench;

/// <summary>The resident set of this process at its highest, as Linux counts it.</summary>
internal static class ProcessMemory
{
    private const string Status = "/proc/self/status", Clear = "/proc/self/clear_refs";

    /// <summary>Bytes; 0 where the system does not say.</summary>
    public static long Peak => File.Exists(Status)
        ? File.ReadLines(Status)
            .Where(line => line.StartsWith("VmHWM:", StringComparison.Ordinal))
            .Select(line => 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture))
            .FirstOrDefault()
        : 0;

    /// <summary>Gives garbage back and starts counting anew, where the system allows it.</summary>
    public static void ForgetPeak()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        try
        {
            File.WriteAllText(Clear, "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The peak then includes what ran before: an upper bound.
        }
    }
}
