using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Recipes;

/// <summary>Says which recipes make sense, and which of those can be trained today.</summary>
public static class RecipeValidation
{
    private const int LatentPixels = TokenizerRecipe.LatentPatch * TokenizerRecipe.LatentPatch;

    /// <summary>Refuses a recipe that makes no sense or is not there yet: ranges, divisibility, then what is built.</summary>
    /// <param name="recipe">The recipe; its dependent defaults are resolved first.</param>
    /// <exception cref="LdaeException">Configuration: the message names field, value and what is allowed.</exception>
    public static void Check(Recipe recipe)
    {
        // Setting a field to its own value is its range check.
        foreach (var field in RecipeFields.All)
        {
            field.Set(recipe, field.Get(recipe));
        }

        var resolved = recipe.Resolve();
        CheckShapes(resolved);
        CheckNoise(resolved);
        CheckTraining(resolved);
        CheckObjective(resolved);
        CheckBuilt(resolved);
    }

    /// <summary>Refuses a recipe that a device cannot train.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="device">The device.</param>
    /// <exception cref="LdaeException">Configuration: the message names field, value and device.</exception>
    public static void CheckDevice(Recipe recipe, DeviceKind device) => Require(
        recipe.Train.Precision != TrainPrecision.Bf16 || device is not (DeviceKind.Cpu or DeviceKind.Reference),
        recipe,
        "train.precision",
        $"the {(device == DeviceKind.Cpu ? "cpu" : "reference")} device takes fp32 only",
        "Set train.precision=fp32.");

    private static void CheckShapes(Recipe r)
    {
        var (data, tokenizer, network) = (r.Data, r.Tokenizer, r.Network);
        Require(
            data.ImageSize % tokenizer.Patch == 0,
            r,
            "data.imageSize",
            $"it takes a multiple of tokenizer.patch = {tokenizer.Patch}",
            $"Set data.imageSize={Math.Max(1, data.ImageSize / tokenizer.Patch) * tokenizer.Patch} or another tokenizer.patch.");
        Require(
            tokenizer.Dim <= tokenizer.PatchValues,
            r,
            "tokenizer.dim",
            $"it takes 1 to {tokenizer.PatchValues}, the values of a {tokenizer.Patch} x {tokenizer.Patch} patch (0: the default)",
            "Set a smaller tokenizer.dim.");
        Require(network.Width % 4 == 0, r, "network.width", "it takes a multiple of 4 (sines and cosines of two coordinates)", "Set network.width to a multiple of 4.");
        Require(
            network.Width % network.Heads == 0,
            r,
            "network.heads",
            $"it takes a divisor of network.width = {network.Width}",
            "Set network.heads so that it divides network.width.");
        Require(
            network.EncoderDepth >= 1 && network.EncoderDepth < network.Depth,
            r,
            "network.encoderDepth",
            $"it takes 1 to {network.Depth - 1}, fewer blocks than network.depth = {network.Depth}",
            "Set network.encoderDepth below network.depth, or to 0 for half of it.");
        Require(r.Probe.Block <= network.Depth, r, "probe.block", $"it takes 1 to network.depth = {network.Depth} (0: the encoder's last)", "Set a smaller probe.block.");
        Require(r.Probe.Time <= r.Noise.Levels, r, "probe.time", $"it takes 0 to noise.levels = {r.Noise.Levels}", "Set a smaller probe.time.");
    }

    private static void CheckNoise(Recipe r)
    {
        var reads = r.Noise.Schedule is NoiseScheduleKind.LinearSigma or NoiseScheduleKind.Single;
        Require(!reads || r.Noise.Sigma > 0, r, "noise.sigma", "this noise.schedule takes a number above 0", "Set noise.sigma=null for the schedule's own.");
        Require(
            r.Noise.Levels >= NoiseRecipe.FewestLevels(r.Noise.Schedule),
            r,
            "noise.levels",
            $"this noise.schedule takes {NoiseRecipe.FewestLevels(r.Noise.Schedule)} or more",
            "Set noise.levels=1000.");
    }

    private static void CheckTraining(Recipe r)
    {
        Require(
            r.Train.KnnEvery == 0 || r.Data.HoldOut > 0,
            r,
            "data.holdOut",
            $"it takes a number above 0 while train.knnEvery = {r.Train.KnnEvery} probes held-out images",
            "Set data.holdOut=0.1, or train.knnEvery=0.");
        Require(
            r.Train.SpikeFactor is 0 or > 1,
            r,
            "train.spikeFactor",
            "it takes a number above 1, or 0 for off: every other loss is above the median",
            "Set train.spikeFactor=3.");
        Require(
            r.Train.Batch % r.Train.Accumulate == 0,
            r,
            "train.accumulate",
            $"it takes a divisor of train.batch = {r.Train.Batch}",
            "Set train.accumulate so that it divides train.batch.");
        Require(
            r.Objective.KeptWeight + r.Objective.ResidualWeight > 0,
            r,
            "objective.keptWeight",
            "it takes a number above 0 when objective.residualWeight is 0, or nothing would be learnt",
            "Set objective.keptWeight=1.");
        Require(
            r.Probe.Weights == ProbeWeights.Raw || r.Train.Ema > 0,
            r,
            "probe.weights",
            "it takes raw only while train.ema = 0 keeps no average",
            "Set train.ema=0.9999, or probe.weights=raw.");
    }

    /// <summary>What is seen, predicted and compared must exist in the tokenizer's latents.</summary>
    private static void CheckObjective(Recipe r)
    {
        var (objective, tokenizer) = (r.Objective, r.Tokenizer);
        Require(
            tokenizer.Kind != TokenizerKind.Identity || tokenizer.Dim == tokenizer.PatchValues,
            r,
            "tokenizer.dim",
            $"tokenizer.kind = identity keeps all {tokenizer.PatchValues} values of a patch",
            "Set tokenizer.dim=0.");
        Require(
            !tokenizer.IsTrained || tokenizer.Dim > 0,
            r,
            "tokenizer.dim",
            $"a tokenizer that is trained takes a number from 1 to {tokenizer.PatchValues}: no energy of components chooses it",
            "Set tokenizer.dim, to 32 for 16 x 16 patches or 8 for 4 x 4.");
        Require(
            tokenizer.Kind != TokenizerKind.ConvVae || (tokenizer.Patch >= TokenizerRecipe.LatentPatch && int.IsPow2(tokenizer.Patch)),
            r,
            "tokenizer.patch",
            $"tokenizer.kind = convVae halves the image again and again, to {TokenizerRecipe.LatentPatch} x {TokenizerRecipe.LatentPatch} latent pixels a patch: it takes a "
                + $"power of two from {TokenizerRecipe.LatentPatch}",
            "Set tokenizer.patch=4, 8 or 16.");
        Require(
            tokenizer.Kind != TokenizerKind.ConvVae || tokenizer.Dim % LatentPixels == 0,
            r,
            "tokenizer.dim",
            $"{LatentPixels} latent pixels of tokenizer.kind = convVae make a token: it takes a multiple of {LatentPixels}",
            $"Set tokenizer.dim={Math.Max(1, tokenizer.Dim / LatentPixels) * LatentPixels}.");
        Require(
            tokenizer.Kind != TokenizerKind.ConvVae || tokenizer.Channels % 2 == 0,
            r,
            "tokenizer.channels",
            "the channels of tokenizer.kind = convVae are normalised in groups of two or more: it takes an even number",
            $"Set tokenizer.channels={tokenizer.Channels + 1}.");
        Require(
            objective.Input == InputSpace.Latent || tokenizer.IsOrthonormal,
            r,
            "objective.input",
            "noise in the latents is shown in pixels by tokenizer.kind = pca or identity only, whose axes are orthonormal",
            "Set objective.input=latent, or tokenizer.kind=pca.");
        Require(
            objective.Output == OutputSpace.Latent || tokenizer.IsOrthonormal,
            r,
            "objective.output",
            "pixels are compared along the axes of tokenizer.kind = pca or identity only",
            "Set objective.output=latent, or tokenizer.kind=pca.");
        Require(
            objective.Target == PredictionTarget.Clean || objective.Output == OutputSpace.Latent,
            r,
            "objective.target",
            "noise is added to the latents and predicted in objective.output = latent only",
            "Set objective.output=latent, or objective.target=clean.");
        Require(
            objective.Output != OutputSpace.Latent || objective.KeptWeight > 0,
            r,
            "objective.keptWeight",
            "it takes a number above 0 with objective.output = latent, where there is nothing else to learn",
            "Set objective.keptWeight=1.");
        Require(
            !r.Conditioning.Class || r.Conditioning.Classes != 1,
            r,
            "conditioning.classes",
            "a label that is always the same says nothing",
            "Set conditioning.classes=0 for as many as the images have, or conditioning.class=false.");
    }

    /// <summary>What no code is there for is refused by name.</summary>
    private static void CheckBuilt(Recipe r)
    {
        Built(r, r.Tokenizer.Kind != TokenizerKind.VqGan, "tokenizer.kind", "pca");
        Built(r, r.Network.Activation == ActivationKind.GeluTanh, "network.activation", "geluTanh");
    }

    private static void Built(Recipe recipe, bool isBuilt, string name, string built) =>
        Require(isBuilt, recipe, name, $"it cannot be trained yet; today it takes {built}", $"Set {name}={built}.");

    private static void Require(bool holds, Recipe recipe, string name, string allowed, string remedy)
    {
        if (!holds)
        {
            throw new LdaeException(ErrorKind.Configuration, $"{name} = {RecipeFields.Get(name).Get(recipe)} is not allowed: {allowed}.", remedy);
        }
    }
}
