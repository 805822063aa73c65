namespace LDaeCore.Engine.Interop;

/// <summary>Where compiled kernels, the emulator and tuning results are kept between runs.</summary>
internal static class CacheFolder
{
    /// <summary>Environment variable that names the folder.</summary>
    public const string Variable = "LDAE_CACHE";

    /// <summary>The folder: LDAE_CACHE, else ldaecore in XDG_CACHE_HOME, else in ~/.cache.</summary>
    public static string Root
    {
        get
        {
            if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
            {
                return Path.GetFullPath(named);
            }

            var home = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg
                ? xdg
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
            return Path.Combine(home, "ldaecore");
        }
    }
}
