using LDaeCore.Model.Training;

namespace LDaeCore.Runner;

/// <summary>Lines for people, also kept in the run folder's <c>log.txt</c>.</summary>
internal sealed class RunLog : IDisposable
{
    private readonly RunnerOutput _output;
    private readonly StreamWriter _file;

    public RunLog(RunnerOutput output, string folder)
    {
        _output = output;
        output.ErrorLog = Path.Combine(folder, RunFiles.Log);
        _file = new StreamWriter(output.ErrorLog, append: true) { AutoFlush = true };
        if (output.CommandLine.Length > 0)
        {
            _file.WriteLine($"$ {output.CommandLine}");
        }
    }

    public void Line(string text)
    {
        _output.Line(text);
        lock (_file)
        {
            _file.WriteLine(text);
        }
    }

    public void Dispose() => _file.Dispose();
}
