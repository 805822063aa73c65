using System.Globalization;

namespace LDaeCore.Runner;

/// <summary>How both views word a state.</summary>
internal static class ProgressLine
{
    public static string Format(long step, long totalSteps, double loss, double imagesPerSecond, TimeSpan eta) => string.Create(
        CultureInfo.InvariantCulture,
        $"step {step}/{totalSteps}  loss {loss:G5}  {imagesPerSecond:F0} img/s  eta {Math.Floor(eta.TotalHours):F0}:{eta.Minutes:D2}:{eta.Seconds:D2}");
}
