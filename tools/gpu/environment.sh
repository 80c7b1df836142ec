# Sourced: puts the bundle's libraries and the CUDA libraries of this machine on the loader's path.
here=$PWD
libraries=$here
for python in python3; do
  site=$($python -c 'import site; print(site.getsitepackages()[0])' 2>/dev/null) || continue
  for folder in "$site/nvidia/cudnn/lib" "$site/nvidia/cu13/lib" "$site/nvidia/nccl/lib"; do
    [[ -d $folder ]] && libraries+=":$folder"
  done
done
export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
