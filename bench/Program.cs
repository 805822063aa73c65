using LDaeCore.Bench;
using LDaeCore.Engine.Errors;

try
{
    return BenchCommand.Run(args);
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
