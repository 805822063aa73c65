using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Bench;

/// <summary>What a run is asked to do.</summary>
internal sealed record BenchOptions
{
    /// <summary>How it is called.</summary>
    public const string Usage = """
        bench [FILTER...] [--device cpu|cuda|emulated] [--threads N] [--precision fp32|bf16] [--short] [--times N] [--toy] [--data DIR] [--out DIR] [--rival FILE]...
          times op cases, limits, and with the filter or by default the steps and the data loading; writes results.json, results.md and roofline.png to --out
          FILTER   rows whose name contains it: "linear", "step cifar-tiny", "features", "data 64"; several mean any of them
          --short  fewer times of each: a few minutes on two cores
          --times  how many times each op case is timed: 31, with --short 9, with --toy 3 when not given
          --toy    the cases of the tests instead of the presets' sizes: for the emulated device, and to see that everything runs
          --data   a folder with JPEG files (ImageFolder) for the data rows; else images are drawn and encoded
          --rival  a JSON of bench/torch-cpu/run.sh, bench/pytorch/rival.py or bench/pil.py, put beside ours
        bench list [FILTER...] [--device ...] [--toy]   prints the names of the op cases, one a line
        bench compare BEFORE.json AFTER.json            prints what got slower than both runs scatter; exit code 1 when something did
        """;

    /// <summary>Parts of names; a row is measured when it contains one, or when there are none.</summary>
    public IReadOnlyList<string> Filters { get; init; } = [];

    /// <summary>Where.</summary>
    public DeviceKind Device { get; init; } = DeviceKind.Cpu;

    /// <summary>Threads of the cpu; 0 for one a core.</summary>
    public int Threads { get; init; }

    /// <summary>fp32 or bf16; null takes the device's own.</summary>
    public string? Precision { get; init; }

    /// <summary>Fewer times of each.</summary>
    public bool Short { get; init; }

    /// <summary>Times of an op case where they are given.</summary>
    public int? Times { get; init; }

    /// <summary>The cases of the tests.</summary>
    public bool Toy { get; init; }

    /// <summary>Folder of JPEG files, or null.</summary>
    public string? Data { get; init; }

    /// <summary>Where results go.</summary>
    public string Out { get; init; } = Path.Combine("runs", "bench-" + DateTime.Now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture));

    /// <summary>Reports of rivals.</summary>
    public IReadOnlyList<string> Rivals { get; init; } = [];

    /// <summary>Times of an op case.</summary>
    public int Iterations => Times ?? (Toy ? 3 : Short ? 9 : 31);

    /// <summary>Times that are thrown away before.</summary>
    public int WarmUps => Toy || Short ? 1 : 3;

    /// <summary>Reads a command line.</summary>
    /// <param name="arguments">Without the program's name.</param>
    /// <exception cref="LdaeException">Configuration: an argument is not known.</exception>
    public static BenchOptions Parse(IEnumerable<string> arguments)
    {
        var options = new BenchOptions();
        var rest = new Queue<string>(arguments);
        while (rest.TryDequeue(out var argument))
        {
            string Value() => rest.TryDequeue(out var value) ? value : throw Bad($"{argument} takes a value.");
            int Number() =>
                int.TryParse(Value(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : throw Bad($"{argument} takes a number above 0.");
            options = argument switch
            {
                "--device" => options with { Device = DeviceOf(Value()) },
                "--threads" => options with { Threads = Number() },
                "--times" => options with { Times = Number() },
                "--precision" => options with { Precision = Value() is var precision && precision is "fp32" or "bf16" ? precision : throw Bad("--precision takes fp32 or bf16.") },
                "--short" => options with { Short = true },
                "--toy" => options with { Toy = true },
                "--data" => options with { Data = Value() },
                "--out" => options with { Out = Value() },
                "--rival" => options with { Rivals = [.. options.Rivals, Value()] },
                _ when argument.StartsWith('-') => throw Bad($"{argument} is not known."),
                _ => options with { Filters = [.. options.Filters, argument] },
            };
        }

        return options;
    }

    /// <summary>Whether a row of this name is wanted.</summary>
    /// <param name="name">The row's name.</param>
    public bool Wants(string name) => Filters.Count == 0 || Filters.Any(filter => name.Contains(filter, StringComparison.OrdinalIgnoreCase));

    private static DeviceKind DeviceOf(string name) =>
        Enum.TryParse<DeviceKind>(name, ignoreCase: true, out var kind) && kind != DeviceKind.Plan && !char.IsDigit(name[0])
            ? kind
            : throw Bad($"--device {name} is not allowed.");

    private static LdaeException Bad(string message) => new(ErrorKind.Configuration, message, Usage);
}
