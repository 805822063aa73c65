using LDaeCore.Engine.Errors;

namespace LDaeCore.Bench;

/// <summary>The entry point: commands, and errors as one line with an exit code.</summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        try
        {
            return BenchCommand.Run(arguments);
        }
        catch (LdaeException e)
        {
            Console.Error.WriteLine($"bench: {e.Message} {e.Remedy}");
            return e.Kind switch
            {
                ErrorKind.Configuration => 2,
                ErrorKind.Data => 3,
                ErrorKind.Device => 4,
                _ => 1,
            };
        }
    }
}
