/** The programs of this folder, by the names that manifests use. */
export const serviceImage = 'meshbench/service'
export const storeImage = 'meshbench/store'
export const workloadImages: readonly string[] = [serviceImage, storeImage]
