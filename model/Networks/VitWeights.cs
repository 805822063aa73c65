
namespace LDaeCore.Model.Networks;

/// <summary>A plain ViT in host memory: what is exchanged with other programs.</summary>
/// <param name="Configuration">Sizes, and how features are read.</param>
/// <param name="Values">Each of <see cref="VitConfiguration.Parameters"/> by its name, row-major in its shape.</param>
public sealed record VitWeights(VitConfiguration Configuration, IReadOnlyDictionary<string, float[]> Values)
{
    /// <summary>The weight of the patch embedding [C, P P 3], in the order (row, column, channel) that patches have here; timm's is (channel, row, column).</summary>
    /// <returns>A copy.</returns>
    public float[] PatchWeight() => Transposed(Values["patch_embed.proj.weight"], Configuration, fromChannelsFirst: true);

    /// <summary>The reverse of <see cref="PatchWeight"/>.</summary>
    /// <param name="weight">[C, P P 3].</param>
    /// <param name="configuration">Sizes.</param>
    /// <returns>[C, 3, P, P].</returns>
    internal static float[] ChannelsFirst(float[] weight, VitConfiguration configuration) => Transposed(weight, configuration, fromChannelsFirst: false);

    private static float[] Transposed(float[] from, VitConfiguration configuration, bool fromChannelsFirst)
    {
        const int channels = Data.PatchPixels.Channels;
        int pixels = configuration.Patch * configuration.Patch, values = configuration.PatchValues;
        var to = new float[from.Length];
        for (var i = 0; i < from.Length; i++)
        {
            int row = i / values * values, first = i % values / pixels, last = i % pixels;
            var other = row + (last * channels) + first;
            if (fromChannelsFirst)
            {
                to[other] = from[i];
            }
            else
            {
                to[i] = from[other];
            }
        }

        return to;
    }
}
