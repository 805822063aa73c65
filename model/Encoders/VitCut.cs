using LDaeCore.Model.Networks;

namespace LDaeCore.Model.Encoders;

/// <summary>The first blocks of a ViT as a ViT of its own.</summary>
public static class VitCut
{
    /// <summary>Keeps the blocks up to one. Where any are cut off, the last normalisation goes with them: it was trained for the last block.</summary>
    /// <param name="weights">The ViT.</param>
    /// <param name="blocks">Blocks kept, 1..Depth.</param>
    /// <returns>The ViT itself when all are kept.</returns>
    public static VitWeights After(VitWeights weights, int blocks)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(blocks, Math.Clamp(blocks, 1, weights.Configuration.Depth));
        if (blocks == weights.Configuration.Depth)
        {
            return weights;
        }

        var configuration = weights.Configuration with { Depth = blocks, Norm = VitNorm.None };
        return new VitWeights(configuration, configuration.Parameters.ToDictionary(p => p.Name, p => weights.Values[p.Name], StringComparer.Ordinal));
    }
}
