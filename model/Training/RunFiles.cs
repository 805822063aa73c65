namespace LDaeCore.Model.Training;

/// <summary>Names inside a run folder.</summary>
public static class RunFiles
{
    /// <summary>The resolved recipe.</summary>
    public const string Config = "config.json";

    /// <summary>One JSON object a logged step.</summary>
    public const string Metrics = "metrics.jsonl";

    /// <summary>Folder of checkpoints.</summary>
    public const string Checkpoints = "checkpoints";

    /// <summary>Folder of the tokenizer that a run trained before its network.</summary>
    public const string Tokenizer = "tokenizer";

    /// <summary>Folder of PNG pictures.</summary>
    public const string Pictures = "pictures";

    /// <summary>Folder of what a report draws: one small JSON file a figure.</summary>
    public const string Figures = "figures";

    /// <summary>Which algorithms the matrix products of a GPU ran by; a run that goes on takes the same.</summary>
    public const string Algorithms = "gemm-algorithms.txt";

    /// <summary>What was printed.</summary>
    public const string Log = "log.txt";

    /// <summary>A Chrome trace, written with --profile.</summary>
    public const string Trace = "trace.json";

    /// <summary>The report.</summary>
    public const string Report = "report.html";
}
