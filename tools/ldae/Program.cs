namespace LDaeCore.Runner;

/// <summary>The console runner.</summary>
internal static class Program
{
    public static int Main(string[] args)
    {
        // mpirun gives each process a terminal and forwards its output: the runtime's terminal codes would become a part of the result.
        if (Environment.GetEnvironmentVariable("OMPI_COMM_WORLD_SIZE") is not null)
        {
            Environment.SetEnvironmentVariable("TERM", null);
        }

        using var interruption = new Interruption();
        return new RunnerHost(Console.Out, Console.Error, !Console.IsErrorRedirected, TimeProvider.System, interruption.Token).Invoke(args);
    }

    /// <summary>Runs a command line in this process, as the tests do.</summary>
    /// <param name="args">The command line, without the program.</param>
    /// <param name="result">Standard output.</param>
    /// <param name="human">Standard error.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args, TextWriter result, TextWriter human) =>
        new RunnerHost(result, human, isTerminal: false, TimeProvider.System, CancellationToken.None).Invoke(args);
}
