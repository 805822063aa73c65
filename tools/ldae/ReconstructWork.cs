using System.Globalization;
using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner;

/// <summary>The denoising grid and its figures, as two commands report them.</summary>
internal static class ReconstructWork
{
    private const int MostRows = 12;

    /// <summary>Reconstructs the first images of a source, writes the grid, reports the ratios.</summary>
    public static CommandResult Run(
        CommandResult result, LatentDenoiser model, IImageSource source, int images, double sigma, ulong seed, string folder, int loaders, BadSamples bad, Action<string> line, CancellationToken cancellation)
    {
        using var reconstruction = new Reconstruction(model, sigma, seed);
        var spread = Enumerable.Range(0, Math.Min(images, source.Count)).Select(i => (int)((long)i * source.Count / Math.Min(images, source.Count))).ToArray();
        var done = reconstruction.Run(source, spread, loaders, bad, cancellation).ToArray();
        var pictures = Path.Combine(folder, RunFiles.Pictures);
        Directory.CreateDirectory(pictures);
        var name = string.Create(CultureInfo.InvariantCulture, $"clean,-projected,-noised,-denoised-(sigma-{sigma:G3}).png");
        var picture = Path.Combine(pictures, name);
        File.WriteAllBytes(picture, Pictures.Grid([.. done.Take(MostRows).Select(d => d.Pixels)], model.Recipe.Data.ImageSize));
        var (noised, projected, output) = (done.Average(d => d.PsnrNoised), done.Average(d => d.PsnrProjected), done.Average(d => d.PsnrOutput));
        line(string.Create(CultureInfo.InvariantCulture, $"PSNR over {done.Length} images at sigma {sigma:G3}: noised {noised:F2} dB, projected {projected:F2} dB, denoised {output:F2} dB"));
        return result
            .Add("images", done.Length)
            .Add("sigma", sigma)
            .Add("level", reconstruction.Level)
            .Add("psnr_noised", Math.Round(noised, 3))
            .Add("psnr_projected", Math.Round(projected, 3))
            .Add("psnr_output", Math.Round(output, 3))
            .Add("picture", picture);
    }
}
