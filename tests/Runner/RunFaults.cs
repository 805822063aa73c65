using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Training;

namespace LDaeCore.Tests.Runner;

/// <summary>
/// Breaks a run folder as crashes, full disks and people do. A broken checkpoint is marked by a file of the test's own, so that the test
/// knows what is whole without looking as the program does.
/// </summary>
/// <param name="run">The run folder.</param>
/// <param name="random">Draws the faults.</param>
internal sealed class RunFaults(string run, Random random)
{
    private const string Mark = "broken-by-the-test", Aside = ".old-";

    private readonly string _checkpoints = Path.Combine(run, RunFiles.Checkpoints);
    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);

    /// <summary>The fault injected last.</summary>
    public string Last { get; private set; } = "no fault";

    /// <summary>How often each fault was injected.</summary>
    public string Summary => string.Join(", ", _counts.Select(c => $"{c.Value} x {c.Key}"));

    private IEnumerable<Checkpoint> Whole => CheckpointFolder.List(_checkpoints).Where(c => !File.Exists(Path.Combine(c.Folder, Mark)));

    /// <summary>Step of the newest checkpoint that was written and not broken since; 0 where there is none.</summary>
    public long NewestWhole() => Math.Max(Whole.Select(c => c.Step).FirstOrDefault(), SetAside());

    /// <summary>One fault drawn at random; a checkpoint is broken only while an older whole one stays.</summary>
    public void Inject()
    {
        var whole = Whole.ToArray();
        var newest = whole.Length > 0 ? whole[0].Folder : "";
        Last = random.Next(whole.Length > 1 ? 9 : whole.Length > 0 ? 4 : 2) switch
        {
            0 => "none",
            1 => HalfALine(),
            2 => HalfWritten(),
            3 => Empty(),
            4 => Changed(newest, TrainingCheckpoint.ModelFile, "cut short", content => content[..random.Next(content.Length)]),
            5 => Changed(newest, "optimizer.safetensors", "one bit turned", TurnBit),
            6 => Changed(newest, "state.json", "garbage", Garbage),
            7 => Changed(newest, "manifest.json", "garbage", Garbage),
            _ => Deleted(newest, "manifest.json"),
        };
        _counts[Last] = _counts.GetValueOrDefault(Last) + 1;
    }

    /// <summary>Breaks every checkpoint.</summary>
    /// <returns>Whether there was a whole one.</returns>
    public bool BreakAll()
    {
        var any = NewestWhole() > 0;
        foreach (var model in Directory.GetFiles(_checkpoints, TrainingCheckpoint.ModelFile, SearchOption.AllDirectories))
        {
            File.WriteAllText(model, "broken");
        }

        return any;
    }

    private string Changed(string folder, string file, string how, Func<byte[], byte[]> change)
    {
        var path = Path.Combine(folder, file);
        File.WriteAllText(Path.Combine(folder, Mark), "");
        File.WriteAllBytes(path, change(File.ReadAllBytes(path)));
        return $"{file} {how}";
    }

    private static string Deleted(string folder, string file)
    {
        File.Delete(Path.Combine(folder, file));
        return $"{file} deleted";
    }

    /// <summary>What a kill in the middle of writing a line of metrics leaves.</summary>
    private string HalfALine()
    {
        if (Directory.Exists(run))
        {
            File.AppendAllText(Path.Combine(run, RunFiles.Metrics), "{\"step\":7,\"lo");
        }

        return "half a line of metrics";
    }

    /// <summary>What a kill in the middle of writing a checkpoint leaves.</summary>
    private string HalfWritten()
    {
        var folder = Path.Combine(_checkpoints, $".tmp-{CheckpointFolder.NameOf(random.Next(5000))}-{random.Next(99_999)}");
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, TrainingCheckpoint.ModelFile), Garbage(new byte[random.Next(4000)]));
        return "half-written folder";
    }

    private string Empty()
    {
        Directory.CreateDirectory(Path.Combine(_checkpoints, CheckpointFolder.NameOf(100_000 + random.Next(100_000))));
        return "empty folder";
    }

    private byte[] TurnBit(byte[] content)
    {
        content[random.Next(content.Length)] ^= (byte)(1 << random.Next(8));
        return content;
    }

    private byte[] Garbage(byte[] content)
    {
        random.NextBytes(content);
        return content;
    }

    /// <summary>A checkpoint that a kill caught while another of its step was taking its place: the next start puts it back.</summary>
    private long SetAside() => !Directory.Exists(_checkpoints) ? 0 : Directory.GetDirectories(_checkpoints, Aside + "*")
        .Where(folder => !File.Exists(Path.Combine(folder, Mark)) && File.Exists(Path.Combine(folder, "manifest.json")))
        .Select(folder => Path.GetFileName(folder)[Aside.Length..])
        .Where(name => !Directory.Exists(Path.Combine(_checkpoints, name)))
        .Select(name => long.Parse(name["step-".Length..], System.Globalization.CultureInfo.InvariantCulture))
        .DefaultIfEmpty().Max();
}
