using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Networks;

namespace LDaeCore.Model.Encoders;

/// <summary>
/// A folder as timm's hub has them: <c>model.safetensors</c> under timm's names and <c>config.json</c>. What import writes and export
/// writes is one format, and probe reads it.
/// </summary>
public static class TimmFolder
{
    /// <summary>Name of the file of weights.</summary>
    public const string ModelFile = "model.safetensors";

    /// <summary>Key of the copy of config.json in the header of the weights, so that the file alone can be read.</summary>
    internal const string ConfigKey = "timm_config";

    /// <summary>Writes both files into a folder that is there.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="weights">The encoder.</param>
    /// <exception cref="LdaeException">Run: something cannot be written.</exception>
    public static void Write(string folder, VitWeights weights)
    {
        var config = TimmConfig.Write(weights.Configuration);
        SafetensorsWriter.Write(
            Path.Combine(folder, ModelFile),
            [.. weights.Configuration.Parameters.Select(p => SafetensorsTensor.F32(p.Name, weights.Values[p.Name], p.Shape))],
            new Dictionary<string, string> { ["format"] = "pt", [ConfigKey] = config });
        AtomicFile.WriteText(Path.Combine(folder, TimmConfig.FileName), config);
    }
}
