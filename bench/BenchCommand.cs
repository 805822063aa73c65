using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;

namespace LDaeCore.Bench;

/// <summary>The program's three commands.</summary>
internal static class BenchCommand
{
    private const int Done = 0, Slower = 1;

    /// <summary>Does what the arguments ask for.</summary>
    /// <param name="arguments">The command line.</param>
    /// <returns>Exit code.</returns>
    public static int Run(string[] arguments)
    {
        switch (arguments)
        {
            case ["--help" or "-h", ..]:
                Console.WriteLine(BenchOptions.Usage);
                return Done;
            case ["compare", var before, var after]:
                return Compare(RunReport.Read(before), RunReport.Read(after));
            case ["list", .. var rest]:
                List(BenchOptions.Parse(rest));
                return Done;
            default:
                var options = BenchOptions.Parse(arguments);
                Console.WriteLine(Table.Markdown(Measure(options)));
                Console.WriteLine($"{options.Out}: results.json, results.md, roofline.png, roofline.svg");
                return Done;
        }
    }

    /// <summary>Measures and writes numbers, table and plot.</summary>
    /// <param name="options">What is asked for.</param>
    /// <returns>The report.</returns>
    public static RunReport Measure(BenchOptions options)
    {
        using var backend = BenchDevice.Open(options);
        return Measure(options, backend);
    }

    /// <summary>Measures on a device that is open.</summary>
    /// <param name="options">What is asked for.</param>
    /// <param name="backend">The device.</param>
    public static RunReport Measure(BenchOptions options, IBackend backend)
    {
        Directory.CreateDirectory(options.Out);
        var rivals = options.Rivals.Select(RunReport.Read).ToArray();
        Console.Error.WriteLine("limits");
        var (limits, limitRows) = BenchDevice.Measure(options, backend);
        Console.Error.WriteLine("op cases");
        var rows = new List<ResultRow>(new OpRuns(options, backend).Run());
        rows.AddRange(new StepRuns(options, backend).Run());
        rows.AddRange(new DataRuns(options).Run());
        var report = new RunReport
        {
            Program = "LDaeCore",
            Device = BenchDevice.NameOf(backend),
            Threads = backend is CpuBackend cpu ? cpu.Threads : null,
            Rows = [.. limitRows, .. rows.Select(limits.Judge)],
        };
        report = rivals.Aggregate(report, (ours, rival) => ours.Beside(rival));
        report.Write(Path.Combine(options.Out, "results.json"));
        File.WriteAllText(Path.Combine(options.Out, "results.md"), Table.Markdown(report));
        Roofline.Write(report, limits, Path.Combine(options.Out, "roofline.png"));
        return report;
    }

    private static int Compare(RunReport before, RunReport after)
    {
        foreach (var name in Comparison.Unmatched(before, after))
        {
            Console.Error.WriteLine($"only in one of the two: {name}");
        }

        var found = Comparison.Regressions(before, after).ToList();
        Console.WriteLine(found.Count == 0 ? "nothing got slower than both runs scatter" : string.Join(Environment.NewLine, found));
        return found.Count == 0 ? Done : Slower;
    }

    private static void List(BenchOptions options)
    {
        using var backend = BenchDevice.Open(options);
        foreach (var opCase in new OpRuns(options, backend).Cases)
        {
            Console.WriteLine(opCase);
        }
    }
}
