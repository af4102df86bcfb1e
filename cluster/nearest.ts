// Of the folder that may import nothing, and shares it with all the others.
export { nearest } from '../workloads/nearest.ts'
