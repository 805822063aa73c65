using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Evaluation;

/// <summary>An encoder that is to be judged, and its random control.</summary>
public interface IProbedEncoder
{
    /// <summary>Side of an image in pixels.</summary>
    int ImageSize { get; }

    /// <summary>From bytes to the values the encoder sees.</summary>
    PixelRange Range { get; }

    /// <summary>Share of the training images held out for a probe's choices.</summary>
    double HoldOut { get; }

    /// <summary>Opens the encoder.</summary>
    /// <returns>Its features; dispose it.</returns>
    FeatureExtractor Open();

    /// <summary>Opens the same network at a random start.</summary>
    /// <returns>Its features; dispose it.</returns>
    FeatureExtractor OpenRandom();
}
