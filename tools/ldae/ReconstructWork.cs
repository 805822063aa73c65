using System.Globalization;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner;

/// <summary>The denoising grid and its figures.</summary>
internal static class ReconstructWork
{
    private const int MostColumns = 12;

    /// <summary>
    /// Reconstructs images spread over a source, writes the grid (a column for each image: clean, projected, noised, denoised), reports the ratios.
    /// </summary>
    public static CommandResult Run(
        CommandResult result, LatentDenoiser model, IImageSource source, int images, double sigma, ulong seed, string folder, int loaders, BadSamples bad, Action<string> line,
        CancellationToken cancellation)
    {
        using var reconstruction = new Reconstruction(model, sigma, seed);
        var done = reconstruction.Run(source, Spread(source.Count, Math.Min(images, source.Count), seed), loaders, bad, cancellation).ToArray();
        var pictures = Path.Combine(folder, RunFiles.Pictures);
        Directory.CreateDirectory(pictures);
        var name = string.Create(CultureInfo.InvariantCulture, $"clean-projected-noised-denoised-at-sigma-{sigma:G3}.png");
        var picture = Path.Combine(pictures, name);
        File.WriteAllBytes(picture, Pictures.Grid(Rows(done), model.Recipe.Data.ImageSize));
        var (noised, projected, output) = (done.Average(d => d.PsnrNoised), done.Average(d => d.PsnrProjected), done.Average(d => d.PsnrOutput));
        line(
            string.Create(
                CultureInfo.InvariantCulture, $"PSNR over {done.Length} images at sigma {sigma:G3}: noised {noised:F2} dB, projected {projected:F2} dB, denoised {output:F2} dB"));
        return result
            .Add("images", done.Length)
            .Add("sigma", sigma)
            .Add("level", reconstruction.Level)
            .Add("psnr_noised", Math.Round(noised, 3))
            .Add("psnr_projected", Math.Round(projected, 3))
            .Add("psnr_output", Math.Round(output, 3))
            .Add("picture", picture);
    }

    /// <summary>One random index from each of equal ranges: equal steps would repeat the same classes.</summary>
    private static int[] Spread(int count, int wanted, ulong seed) =>
        [.. Enumerable.Range(0, wanted).Select(i =>
        {
            var (first, next) = ((int)((long)i * count / wanted), (int)((long)(i + 1) * count / wanted));
            return first + (int)Philox.Below(Philox.Word(seed, RandomStream.Pictures, 0, (ulong)i), (uint)(next - first));
        })];

    /// <summary>The kinds of picture as rows, the images as columns.</summary>
    internal static byte[][][] Rows(ReconstructedImage[] images) =>
        [.. Enumerable.Range(0, images[0].Pixels.Length).Select(kind => images.Take(MostColumns).Select(image => image.Pixels[kind]).ToArray())];
}
