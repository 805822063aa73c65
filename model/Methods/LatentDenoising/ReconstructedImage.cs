namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>One image in four states, and how far three of them are from the clean one.</summary>
/// <param name="Index">Index of the image in its source.</param>
/// <param name="Pixels">Clean, projected, noised, denoised: each [side, side, 3].</param>
/// <param name="PsnrProjected">Peak signal-to-noise ratio of the projected image, dB.</param>
/// <param name="PsnrNoised">Of the noised image, dB.</param>
/// <param name="PsnrOutput">Of the denoised image, dB.</param>
public sealed record ReconstructedImage(int Index, byte[][] Pixels, double PsnrProjected, double PsnrNoised, double PsnrOutput);
